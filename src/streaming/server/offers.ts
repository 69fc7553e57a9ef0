import { attachCommand, execCommand } from '../remote-command/command';
import { commandOverSpdy } from '../remote-command/over-spdy';
import type { Offers, SessionParts } from '../session';
import type { Ticket } from './ticket';

/** What a ticket can be used for over SPDY. */
export function offersOverSpdy(ticket: Ticket, parts: SessionParts): Offers {
  switch (ticket.verb) {
    case 'exec':
      return commandOverSpdy(execCommand(ticket.request, parts.target), parts);
    case 'attach':
      return commandOverSpdy(attachCommand(ticket.request, parts.target), parts);
    case 'portforward':
      // None yet: an upgrade is refused by what is served.
      return new Map();
    default:
      return ticket satisfies never;
  }
}
