import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

/** What is sent, over and over: no size of a frame or of a buffer divides it. */
const pattern = randomBytes((1 << 20) + 4099);
/** Twice, so that any stretch of it is one piece. */
const doubled = Buffer.concat([pattern, pattern]);
const pieceBytes = 256 * 1024;

/** Sends so many bytes and takes them back; gives the milliseconds. Rejects if one byte is another, or missing. */
export async function thereAndBack(input: Writable, output: Readable, bytes: number): Promise<number> {
  const begun = performance.now();
  await Promise.all([send(input, bytes), compare(output, bytes)]);
  return performance.now() - begun;
}

async function send(input: Writable, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes;) {
    const at = sent % pattern.length;
    const piece = doubled.subarray(at, at + Math.min(pieceBytes, bytes - sent));
    sent += piece.length;
    if (!input.write(piece)) await once(input, 'drain');
  }
  input.end();
}

/** Byte by byte, which says what equal digests would, and costs less than they do. */
async function compare(output: Readable, bytes: number): Promise<void> {
  let got = 0;
  for await (const chunk of output as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length;) {
      const from = got % pattern.length;
      const stretch = Math.min(chunk.length - at, pattern.length);
      if (chunk.compare(doubled, from, from + stretch, at, at + stretch) !== 0) {
        throw new Error(`what came back differs within ${stretch} bytes from ${got} on`);
      }
      at += stretch;
      got += stretch;
    }
  }
  if (got !== bytes) throw new Error(`${got} of ${bytes} bytes came back`);
}
