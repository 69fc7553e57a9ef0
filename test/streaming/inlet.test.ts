import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Inlet } from '../../src/streaming/inlet';
import { InputQueue } from '../../src/streaming/input-queue';

test('single bytes that wait for their reader are kept in a few pieces', () => {
  const queue = new InputQueue();
  for (let byte = 0; byte < 64 * 1024; byte++) queue.push(Buffer.alloc(1, byte));
  expect(queue.bytes).toBe(64 * 1024);
  const pieces: Buffer[] = [];
  for (let piece = queue.shift(); piece; piece = queue.shift()) pieces.push(piece);
  expect(pieces.length).toBeLessThanOrEqual(4);
  expect(Buffer.concat(pieces)).toEqual(Buffer.from(Array.from({ length: 64 * 1024 }, (_, byte) => byte & 0xff)));
  expect(queue.bytes).toBe(0);
});

test('what was handed out is not written to again', () => {
  const queue = new InputQueue();
  queue.push(Buffer.from('first'));
  const first = queue.shift();
  queue.push(Buffer.from('other'));
  expect([first?.toString(), queue.shift()?.toString(), queue.shift()]).toEqual(['first', 'other', undefined]);
});

/** An inlet, its reader, and how often the reader has caught up. */
function inletOf() {
  const seen = { caughtUp: 0 };
  const inlet: Inlet = new Inlet(
    (piece) => reader.push(piece),
    () => seen.caughtUp++,
  );
  const reader: Readable = new Readable({
    highWaterMark: 1,
    read: () => inlet.read(),
    destroy: (error, done) => {
      inlet.close();
      done(error);
    },
  });
  return { inlet, reader, seen };
}

describe('an inlet', () => {
  test('tells when its reader is behind, and when it has caught up', async () => {
    const { inlet, reader, seen } = inletOf();
    const piece = Buffer.alloc(32 * 1024, 'x');
    expect([inlet.receive(piece), inlet.receive(piece), seen.caughtUp]).toEqual([true, false, 0]);
    const read = text(reader);
    inlet.end();
    expect(await read).toBe('x'.repeat(64 * 1024));
    expect(seen.caughtUp).toBeGreaterThan(0);
  });

  test('takes nothing behind its end', async () => {
    const { inlet, reader } = inletOf();
    inlet.receive(Buffer.from('before'));
    inlet.end();
    inlet.end();
    expect(inlet.receive(Buffer.from('behind'))).toBe(true);
    expect(await text(reader)).toBe('before');
  });

  test('of a reader that was destroyed holds nobody up', () => {
    const { inlet, reader, seen } = inletOf();
    expect(inlet.receive(Buffer.alloc(128 * 1024))).toBe(false);
    reader.destroy();
    expect(seen.caughtUp).toBe(1);
    expect(inlet.receive(Buffer.alloc(128 * 1024))).toBe(true);
  });
});
