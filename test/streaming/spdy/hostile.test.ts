import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { silentLog } from '../../../src/base';
import { SpdyConnection } from '../../../src/streaming/spdy/connection';
import { type Frame, FrameReader, dataHeader, ping, rstStream, synStream } from '../../../src/streaming/spdy/frames';
import { HeadersEncoder } from '../../../src/streaming/spdy/headers-codec';
import { echoPeer, framesOf, opening, openings } from './support/raw-peer';

/** A session as a client sends it. */
async function goodBytes(): Promise<Buffer> {
  const parts = [await openings(1, 3, 5)];
  parts.push(dataHeader(1, 5, false), Buffer.from('hello'), ping(1), dataHeader(3, 2, true), Buffer.from('hi'));
  parts.push(rstStream(5, 5), dataHeader(1, 0, true));
  return Buffer.concat(parts);
}

test('pings are echoed, streams replied to, half-closed and reset streams end', async () => {
  const { raw, connection, received } = await echoPeer();
  raw.end(await goodBytes());
  const frames = await framesOf(raw);
  await connection.done;
  expect(frames.filter(({ kind }) => kind === 'syn-reply')).toHaveLength(3);
  expect(frames).toContainEqual({ kind: 'ping', id: 1 });
  expect(received.map(({ headers }) => headers.get('streamtype'))).toEqual(['stdin', 'stdin', 'stdin']);
  expect(connection.signal.aborted).toBe(true);
});

test('streams beyond the limit are refused, the others go on', async () => {
  const { raw, connection } = await echoPeer({ maxStreams: 1 });
  raw.write(await goodBytes());
  const frames: Frame[] = [];
  const reader = new FrameReader();
  for await (const chunk of raw) {
    frames.push(...reader.read(chunk as Buffer));
    if (frames.some((frame) => frame.kind === 'data' && frame.fin)) break;
  }
  await connection.close();
  expect(frames.filter(({ kind }) => kind === 'reset')).toEqual([
    { kind: 'reset', streamId: 3, status: 3 },
    { kind: 'reset', streamId: 5, status: 3 },
  ]);
  expect(frames).toContainEqual({ kind: 'data', streamId: 1, fin: false, payload: Buffer.from('hello') });
});

test.each([
  ['an id of the wrong parity', async (encoder: HeadersEncoder) => opening(2, encoder)],
  [
    'an id that was used',
    async (encoder: HeadersEncoder) => Buffer.concat([await opening(3, encoder), await opening(3, encoder)]),
  ],
  ['a header block that is none', async () => synStream(1, Buffer.from('rubbish'))],
  [
    'another protocol',
    async () => Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n\x80\x02rubbish that goes on for a while'),
  ],
])('%s is answered with GOAWAY, and the connection ends', async (what, bytes) => {
  const { raw, connection } = await echoPeer();
  const encoder = new HeadersEncoder();
  raw.write(await bytes(encoder));
  encoder.close();
  // The bytes of another protocol can look like a huge data frame: that ends with the peer.
  if (what === 'another protocol') raw.end();
  const frames = await framesOf(raw);
  await connection.done;
  if (what !== 'another protocol') expect(frames.at(-1)).toEqual({ kind: 'goaway', status: 1 });
  expect(connection.signal.aborted).toBe(true);
});

test('data for a stream that never was is reset, for one that is over dropped', async () => {
  const { raw, connection } = await echoPeer();
  raw.end(
    Buffer.concat([
      await goodBytes(),
      dataHeader(5, 1, false),
      Buffer.from('x'),
      dataHeader(9, 1, false),
      Buffer.from('x'),
    ]),
  );
  const frames = await framesOf(raw);
  await connection.done;
  expect(frames.filter(({ kind }) => kind === 'reset')).toEqual([{ kind: 'reset', streamId: 9, status: 2 }]);
});

test('two connections of ours carry many streams at once', async () => {
  const { raw, connection: server } = await echoPeer({ maxStreams: 100 });
  const client = new SpdyConnection(raw, Buffer.alloc(0), {
    role: 'client',
    log: silentLog(),
    idleTimeoutMs: 10_000,
    maxStreams: 0,
  });
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const stream = await client.openStream(new Map([['n', String(index)]]));
      Readable.from([`stream ${index} `, 'x'.repeat(index * 1000)]).pipe(stream.output);
      return text(stream.input);
    }),
  );
  expect(answers).toEqual(answers.map((_, index) => `stream ${index} ${'x'.repeat(index * 1000)}`));
  await client.close();
  await server.done;
});

/** xorshift: the same rubbish in every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

test('damaged sessions end, whatever was damaged, and the process lives', async () => {
  const good = await goodBytes();
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);
  process.on('unhandledRejection', note).on('uncaughtException', note);
  try {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seeded(seed * 7919);
      let bytes = Buffer.from(good);
      for (let cuts = random(4) + 1; cuts > 0; cuts--) {
        const at = random(bytes.length);
        const kind = random(3);
        if (kind === 0) bytes[at] = random(256);
        else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random(20))]);
        else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(random(bytes.length)), bytes.subarray(at)]);
      }
      const { raw, connection } = await echoPeer();
      raw.on('error', () => undefined).resume();
      const cut = random(bytes.length);
      raw.write(bytes.subarray(0, cut));
      raw.end(bytes.subarray(cut));
      await connection.done;
      raw.destroy();
    }
  } finally {
    process.off('unhandledRejection', note).off('uncaughtException', note);
  }
  expect(unhandled).toEqual([]);
});
