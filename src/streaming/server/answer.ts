import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** An HTTP answer that ends the connection. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Says 101: from the next byte on the connection speaks SPDY. */
export function switchToSpdy(socket: Duplex, protocol: string): void {
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
