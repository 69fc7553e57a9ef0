import type { SessionParts, WebSocketOffers } from '../session';
import { base64Codec, binaryCodec, type ChannelCodec } from '../websocket/codec';
import type { RemoteCommand } from './command';
import type { CommandVersion } from './protocols';
import { commandSession } from './session';
import { WebSocketChannels } from './websocket-channels';

/** By their names on the wire, newest first; the one without a name is for clients that ask for none. */
const protocols: readonly (readonly [name: string, CommandVersion, ChannelCodec])[] = [
  ['v5.channel.k8s.io', 'v5', binaryCodec],
  ['v4.channel.k8s.io', 'v4', binaryCodec],
  ['v4.base64.channel.k8s.io', 'v4', base64Codec],
  ['channel.k8s.io', 'v1', binaryCodec],
  ['base64.channel.k8s.io', 'v1', base64Codec],
  ['', 'v1', binaryCodec],
];

/** A command's protocols over WebSocket. */
export function commandOverWebSocket(command: RemoteCommand, parts: SessionParts): WebSocketOffers {
  return new Map(
    protocols.map(([name, version, codec]) => [
      name,
      (socket) => commandSession(command, new WebSocketChannels(socket, command, version, codec, parts), parts.log),
    ]),
  );
}
