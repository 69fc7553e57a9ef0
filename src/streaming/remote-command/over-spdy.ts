import type { Offers, SessionParts } from '../session';
import type { RemoteCommand } from './command';
import { commandProtocols } from './protocols';
import { commandSession } from './session';
import { SpdyChannels } from './spdy-channels';

/** A command's protocols over SPDY. */
export function commandOverSpdy(command: RemoteCommand, parts: SessionParts): Offers {
  return new Map(
    commandProtocols.map((protocol) => [
      protocol,
      (socket, head) => commandSession(command, new SpdyChannels(socket, head, command, protocol, parts), parts.log),
    ]),
  );
}
