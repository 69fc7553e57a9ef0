import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Offers, StartSession } from '../session';
import { negotiate } from './negotiate';

/** An HTTP answer that ends the connection. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type UpgradeAnswer =
  | { readonly kind: 'accepted'; readonly protocol: string; readonly start: StartSession }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Judges the headers of an upgrade to SPDY/3.1. */
export function judgeUpgrade({ headers }: Pick<IncomingMessage, 'headers'>, offers: Offers): UpgradeAnswer {
  const refused = (status: number, text: string, extra?: Record<string, string>): UpgradeAnswer => ({
    kind: 'refused',
    refusal: { status, text, headers: extra },
  });
  const upgrade = headers.upgrade?.toLowerCase();
  if (upgrade === 'websocket') return refused(501, 'WebSocket streams are not offered yet; use Upgrade: SPDY/3.1');
  if (upgrade !== 'spdy/3.1') return refused(400, 'an upgrade to SPDY/3.1 is needed: Upgrade: SPDY/3.1');
  const negotiated = negotiate(headers['x-stream-protocol-version'], offers);
  switch (negotiated.kind) {
    case 'chosen':
      return { kind: 'accepted', protocol: negotiated.protocol, start: negotiated.offer };
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

/** Says 101: from the next byte on the connection speaks SPDY. */
export function switchProtocols(socket: Duplex, protocol: string): void {
  writeHead(socket, 101, {
    Connection: 'Upgrade',
    Upgrade: 'SPDY/3.1',
    'X-Stream-Protocol-Version': protocol,
  });
}

/** Answers an upgrade request with an error, and lets go of the socket. */
export function refuse(socket: Duplex, refusal: Refusal): void {
  const body = `${refusal.text}\n`;
  writeHead(socket, refusal.status, {
    ...refusal.headers,
    Connection: 'close',
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
  });
  socket.end(body, () => socket.destroy());
}

function writeHead(socket: Duplex, status: number, headers: Readonly<Record<string, string>>): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`);
}
