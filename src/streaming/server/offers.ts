import { portForwardOverSpdy } from '../port-forward/over-spdy';
import { portForwardOverWebSocket } from '../port-forward/over-websocket';
import { type RemoteCommand, attachCommand, execCommand } from '../remote-command/command';
import { commandOverSpdy } from '../remote-command/over-spdy';
import { commandOverWebSocket } from '../remote-command/over-websocket';
import type { Offers, SessionParts } from '../session';
import type { Ticket } from './ticket';

/** What a ticket can be used for, by a request with this query. */
export function offersFor(ticket: Ticket, query: URLSearchParams, parts: SessionParts): Offers {
  switch (ticket.verb) {
    case 'exec':
      return forCommand(execCommand(ticket.request, parts.target), parts);
    case 'attach':
      return forCommand(attachCommand(ticket.request, parts.target), parts);
    case 'portforward':
      return {
        spdy: portForwardOverSpdy(ticket.request, parts),
        webSocket: portForwardOverWebSocket(ticket.request, query, parts),
      };
    default:
      return ticket satisfies never;
  }
}

function forCommand(command: RemoteCommand, parts: SessionParts): Offers {
  return { spdy: commandOverSpdy(command, parts), webSocket: commandOverWebSocket(command, parts) };
}
