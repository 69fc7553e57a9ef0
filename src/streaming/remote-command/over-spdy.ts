import type { SessionParts, SpdyOffers } from '../session';
import type { RemoteCommand } from './command';
import { spdyProtocols } from './protocols';
import { commandSession } from './session';
import { SpdyChannels } from './spdy-channels';

/** A command's protocols over SPDY. */
export function commandOverSpdy(command: RemoteCommand, parts: SessionParts): SpdyOffers {
  return new Map(
    [...spdyProtocols].map(([protocol, version]) => [
      protocol,
      (socket, head) => commandSession(command, new SpdyChannels(socket, head, command, version, parts), parts.log),
    ]),
  );
}
