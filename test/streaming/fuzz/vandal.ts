import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Random } from './random';

/** What the URL was asked for with. */
export interface Asked {
  readonly url: string;
  readonly verb: 'exec' | 'attach' | 'portforward';
  readonly stdin: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** One hostile client: what it asks with, what it sends when the server has switched, and how it leaves. */
export interface Visit {
  readonly method: 'GET' | 'POST';
  /** Headers of the upgrade, without Host. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  /** Behind the URL, with its question mark. */
  readonly query?: string;
}

export interface Visited {
  readonly switched: boolean;
  readonly sent: number;
  readonly received: number;
  /** The server ended the connection. */
  readonly ended: boolean;
}

/** Pays the visit. Rejects only if the server keeps a connection open that it should have ended. */
export async function visit(
  url: string,
  { method, headers, bytes, query = '' }: Visit,
  random: Random,
  deadlineMs: number,
): Promise<Visited> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  let received = 0;
  let head = '';
  let ended = false;
  socket.on('error', () => undefined);
  socket.on('end', () => {
    ended = true;
  });
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (head.length < 200) head += chunk.toString('latin1');
  });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = Buffer.from(`${method} ${pathname}${query} HTTP/1.1\r\nHost: ${hostname}\r\n${lines.join('')}\r\n`);
  // Some do not wait for the answer: what follows comes with the upgrade, or in pieces cut anywhere.
  const ahead = random.chance(0.4);
  socket.write(ahead ? Buffer.concat([request, bytes]) : request);
  if (!ahead) {
    await Promise.race([once(socket, 'data').catch(() => undefined), closed]);
    await send(socket, bytes, random);
  }
  await leave(socket, closed, random, deadlineMs);
  return { switched: head.startsWith('HTTP/1.1 101'), sent: socket.bytesWritten, received, ended };
}

async function send(socket: Socket, bytes: Buffer, random: Random): Promise<void> {
  if (random.chance(0.2)) socket.pause();
  for (let at = 0; at < bytes.length && !socket.destroyed;) {
    const piece = bytes.subarray(at, at + 1 + random.length(30_000));
    at += piece.length;
    if (socket.writable) socket.write(piece);
    await nextTurn();
  }
}

async function leave(socket: Socket, closed: Promise<void>, random: Random, deadlineMs: number): Promise<void> {
  switch (random.below(5)) {
    case 0:
      socket.destroy();
      break;
    case 1:
      socket.resetAndDestroy();
      break;
    case 2:
      socket.end();
      break;
    default:
  }
  // Who stays is sent away: by an error, the end of the command, or because nothing moves.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(new Error('late')), deadlineMs);
  let late = false;
  socket.once('error', (error) => {
    late = error.message === 'late';
  });
  await closed;
  clearTimeout(timer);
  if (late) throw new Error(`the server kept the connection for ${deadlineMs} ms`);
}
