import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import type { Offers, Session, StartSession } from '../session';
import type { Refusal } from './answer';
import { negotiate } from './negotiate';

export type UpgradeAnswer =
  | { readonly kind: 'spdy'; readonly protocol: string; readonly start: StartSession }
  | { readonly kind: 'websocket'; readonly protocol: string; readonly start: (socket: WebSocket) => Session }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Judges the headers of an upgrade: to which transport, and which of the protocols that are offered over it. */
export function judgeUpgrade({ headers }: Pick<IncomingMessage, 'headers'>, offers: Offers): UpgradeAnswer {
  switch (headers.upgrade?.toLowerCase()) {
    case 'spdy/3.1':
      return judgeSpdy(headers['x-stream-protocol-version'], offers.spdy);
    case 'websocket':
      return judgeWebSocket(headers['sec-websocket-protocol'], offers.webSocket);
    default:
      return refused(400, 'an upgrade is needed: Upgrade: SPDY/3.1, or websocket');
  }
}

function judgeSpdy(asked: string | string[] | undefined, offers: Offers['spdy']): UpgradeAnswer {
  const negotiated = negotiate(asked, offers);
  switch (negotiated.kind) {
    case 'chosen':
      return { kind: 'spdy', protocol: negotiated.protocol, start: negotiated.offer };
    case 'missing':
      return refused(400, 'the header X-Stream-Protocol-Version is needed');
    case 'none':
      return refused(403, `none of the offered protocols is served: ${negotiated.asked.join(', ')}`, {
        'X-Accepted-Stream-Protocol-Versions': [...offers.keys()].join(','),
      });
    default:
      return negotiated satisfies never;
  }
}

/** A client may name no protocol: it is served by the one without a name. */
function judgeWebSocket(asked: string | undefined, offers: Offers['webSocket']): UpgradeAnswer {
  const negotiated = negotiate(asked, offers);
  if (negotiated.kind === 'chosen') {
    return { kind: 'websocket', protocol: negotiated.protocol, start: negotiated.offer };
  }
  const unnamed = offers.get('');
  if (negotiated.kind === 'missing' && unnamed) return { kind: 'websocket', protocol: '', start: unnamed };
  return refused(403, `none of the offered subprotocols is served; those that are: ${[...offers.keys()].join(', ')}`);
}

function refused(status: number, text: string, headers?: Record<string, string>): UpgradeAnswer {
  return { kind: 'refused', refusal: { status, text, headers } };
}
