import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { silentLog } from '../../../src/base';
import { SpdyConnection } from '../../../src/streaming/spdy/connection';
import { FrameReader, dataHeader, goaway, ping, rstStream } from '../../../src/streaming/spdy/frames';
import { HeadersEncoder } from '../../../src/streaming/spdy/headers-codec';
import { Linger } from '../../../src/streaming/spdy/linger';
import { type RawPeer, echoPeer, framesOf, opening, openings, rawPeer } from './support/raw-peer';

const peers: RawPeer[] = [];
afterEach(async () => {
  for (const { raw, connection } of peers.splice(0)) {
    raw.destroy();
    connection.destroy();
    await connection.done;
  }
});
const keep = (peer: RawPeer): RawPeer => {
  peers.push(peer);
  peer.raw.on('error', () => undefined);
  return peer;
};

async function until(what: string, condition: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(20_000);
  while (!condition()) {
    if (signal.aborted) throw new Error(`waited for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits until the connection has stopped reading, or has read it all. */
async function standstill({ socket }: RawPeer, total: number): Promise<void> {
  let before = -1;
  let same = 0;
  await until('the connection to stand still', () => {
    same = socket.bytesRead === before ? same + 1 : 0;
    before = socket.bytesRead;
    return same >= 20 || before === total;
  });
}

const encoder = () => {
  const made = new HeadersEncoder();
  encoders.push(made);
  return made;
};
const encoders: HeadersEncoder[] = [];
afterEach(() => {
  for (const made of encoders.splice(0)) made.close();
});

/** A socket whose peer sends a flood in pieces and does not read what comes back until it is told to. */
class Stalled extends Duplex {
  taken = 0;
  readonly answers: Buffer[] = [];
  private stalled: (() => void) | undefined;
  private reading = false;

  constructor(private readonly flood: Buffer) {
    super();
  }

  override _read(): void {
    if (this.taken === this.flood.length) return;
    const piece = this.flood.subarray(this.taken, this.taken + 16 * 1024);
    this.taken += piece.length;
    this.push(piece);
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.answers.push(chunk);
    if (this.reading) done();
    else this.stalled = done;
  }

  readNow(): void {
    this.reading = true;
    this.stalled?.();
  }
}

describe('answers that the peer does not read', () => {
  const repeat = (frames: Buffer) => Buffer.concat(Array<Buffer>(50_000).fill(frames));

  test.each([
    ['pings', async () => repeat(ping(1)), 50_000],
    ['data for streams that never were', async () => repeat(dataHeader(99, 0, true)), 50_000],
    ['streams that are refused or reset at once', openAndReset, 8_000],
  ])('%s: few are kept, nothing more is read, and none is lost', async (_, make, count) => {
    const socket = new Stalled(await make());
    const connection = new SpdyConnection(socket, Buffer.alloc(0), {
      role: 'server',
      log: silentLog(),
      idleTimeoutMs: 0,
      maxStreams: 4,
      onStream: (stream) => void (stream.id % 3 === 0 && stream.reset(1)),
    });
    let before = -1;
    await until('the connection to stand still', () => {
      const still = socket.taken === before;
      before = socket.taken;
      return still && socket.taken > 0;
    });
    expect(socket.writableLength).toBeLessThan(64 * 1024);
    expect(socket.taken).toBeLessThan(256 * 1024);
    socket.readNow();
    const answered = () => [...new FrameReader().read(Buffer.concat(socket.answers))].length;
    await until('all to be read', () => socket.taken > 0 && socket.readableLength === 0 && answered() >= count);
    expect(connection.signal.aborted).toBe(false);
    connection.destroy();
    await connection.done;
  });

  async function openAndReset(): Promise<Buffer> {
    const codec = encoder();
    const frames: Buffer[] = [];
    for (let id = 1; id < 2 * 8_000; id += 2) frames.push(await opening(id, codec, new Map()), rstStream(id, 5));
    return Buffer.concat(frames);
  }
});

test('a flood of small frames leaves the event loop to others', async () => {
  let turns = 0;
  let flooding = true;
  const windowUpdate = Buffer.from('80030009' + '00000008' + '00000001' + '00000001', 'hex');
  const flood = Buffer.concat([...Array<Buffer>(20_000).fill(windowUpdate), ping(1)]);
  const { raw } = keep(await rawPeer({}, flood));
  const count = (async () => {
    for (; flooding; turns++) await nextTurn();
  })();
  await once(raw, 'data');
  flooding = false;
  await count;
  expect(turns).toBeGreaterThan(50);
});

describe('a reader that is behind', () => {
  async function behind() {
    const peer = keep(await rawPeer());
    peer.raw.write(Buffer.concat([await openings(1), dataHeader(1, 4 << 20, false), Buffer.alloc(4 << 20)]));
    await until('the stream', () => peer.received.length === 1);
    await standstill(peer, 1 << 30);
    const [stream] = peer.received;
    if (!stream) throw new Error('there is no stream');
    return { peer, stream };
  }

  test('holds no more than its queue, and the rest stays with the peer', async () => {
    const { peer, stream } = await behind();
    expect(peer.socket.bytesRead).toBeLessThan(1 << 20);
    expect(stream.input.readableLength).toBeLessThan(256 * 1024);
  });

  test.each(['reset', 'destroy output', 'destroy input'])('%s lets go of the connection', async (how) => {
    const { peer, stream } = await behind();
    if (how === 'reset') stream.reset(1);
    else if (how === 'destroy output') stream.output.destroy();
    else stream.input.destroy();
    peer.raw.write(ping(5));
    const frames = new FrameReader();
    for await (const chunk of peer.raw) {
      if ([...frames.read(chunk as Buffer)].some((frame) => frame.kind === 'ping' && frame.id === 5)) break;
    }
    expect(peer.socket.bytesRead).toBeGreaterThan(4 << 20);
  });

  test.each(['close', 'destroy'] as const)('does not keep the connection from its end by %s', async (how) => {
    const { peer } = await behind();
    peer.raw.resume().on('end', () => peer.raw.end());
    void peer.connection[how]();
    await peer.connection.done;
  });
});

describe('streams', () => {
  test('data behind FIN is dropped, an empty FIN is the end, and the other direction stays open', async () => {
    const { raw, connection, received } = keep(await rawPeer());
    const data = (id: number, payload: string, fin: boolean) =>
      Buffer.concat([dataHeader(id, payload.length, fin), Buffer.from(payload)]);
    raw.write(Buffer.concat([await openings(1), data(1, 'all', false), data(1, '', true), data(1, 'more', false)]));
    await until('the stream', () => received.length === 1);
    const [stream] = received;
    expect(await text(stream?.input ?? raw)).toBe('all');
    stream?.output.end('answer');
    const whole = framesOf(raw);
    raw.end(ping(1));
    const frames = await whole;
    await connection.done;
    expect(frames.filter(({ kind }) => kind === 'data')).toEqual([
      { kind: 'data', streamId: 1, fin: false, payload: Buffer.from('answer') },
      { kind: 'data', streamId: 1, fin: true, payload: Buffer.alloc(0) },
    ]);
    expect(frames.some(({ kind }) => kind === 'reset')).toBe(false);
  });

  test('one that is over in both directions makes room for another', async () => {
    const { raw, received } = keep(await echoPeer({ maxStreams: 1 }));
    const codec = encoder();
    for (const id of [1, 3, 5]) {
      raw.write(Buffer.concat([await opening(id, codec), dataHeader(id, 0, true)]));
      await until(
        `stream ${id}`,
        () => received.at(-1)?.id === id && received.at(-1)?.output.writableFinished === true,
      );
    }
  });

  test('a unidirectional one is not replied to, and what is written to it goes nowhere', async () => {
    const { raw, connection, received } = keep(await rawPeer());
    const open = await openings(1);
    open.writeUInt8(2, 4);
    raw.write(Buffer.concat([open, dataHeader(1, 2, true), Buffer.from('hi')]));
    await until('the stream', () => received.length === 1);
    expect(await text(received[0]?.input ?? raw)).toBe('hi');
    received[0]?.output.end('lost');
    const whole = framesOf(raw);
    raw.end(ping(1));
    await connection.done;
    expect((await whole).map(({ kind }) => kind)).toEqual(['ping']);
  });

  test('an associated stream and a priority mean nothing', async () => {
    const { raw, received } = keep(await rawPeer());
    const open = await openings(1);
    open.writeUInt32BE(77, 12);
    open.writeUInt8(0xe0, 16);
    raw.write(open);
    await until('the stream', () => received.length === 1);
    expect(received[0]?.headers.get('streamtype')).toBe('stdin');
  });

  test('a data frame of 16 MiB is passed on while it comes', async () => {
    const { raw, received } = keep(await rawPeer());
    raw.write(Buffer.concat([await openings(1), dataHeader(1, 0xffffff, true), Buffer.from('begin')]));
    await until('the stream', () => received.length === 1);
    const [first] = (await once(received[0]?.input ?? raw, 'data')) as [Buffer];
    expect(first.toString()).toBe('begin');
  });

  test('a reset that is not CANCEL is an error of both directions, one of an unknown stream is nothing', async () => {
    const { raw, connection, received } = keep(await rawPeer());
    raw.write(Buffer.concat([await openings(1), rstStream(55, 1)]));
    await until('the stream', () => received.length === 1);
    const [stream] = received;
    const errors = Promise.all([once(stream?.input ?? raw, 'error'), once(stream?.output ?? raw, 'error')]);
    raw.write(rstStream(1, 6));
    expect(await errors).toEqual([
      [expect.objectContaining({ code: 'stream-protocol' })],
      [expect.objectContaining({ code: 'stream-protocol' })],
    ]);
    expect(connection.signal.aborted).toBe(false);
  });
});

test('the bytes that came with the upgrade may end within any frame', async () => {
  const bytes = Buffer.concat([await openings(1), dataHeader(1, 5, true), Buffer.from('hello')]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { raw, connection, received } = await rawPeer({}, Buffer.from(bytes.subarray(0, cut)));
    raw.end(bytes.subarray(cut));
    raw.resume();
    await until('the stream', () => received.length === 1);
    expect(await text(received[0]?.input ?? raw)).toBe('hello');
    await connection.done;
  }
});

describe('goodbye', () => {
  test('GOAWAY names the last stream of the peer, and is the last that is said', async () => {
    const { raw, connection, received } = keep(await rawPeer());
    const codec = encoder();
    raw.write(Buffer.concat([await opening(1, codec), await opening(9, codec)]));
    await until('the streams', () => received.length === 2);
    const chunks: Buffer[] = [];
    raw.on('data', (chunk: Buffer) => void chunks.push(chunk));
    const ended = once(raw, 'end');
    const closed = connection.close();
    // A stream behind our GOAWAY gets no answer, and neither does a ping.
    raw.write(Buffer.concat([await opening(11, codec), ping(1)]));
    await ended;
    raw.end();
    await closed;
    expect(Buffer.concat(chunks).subarray(-16).toString('hex')).toBe('80030007' + '00000008' + '00000009' + '00000000');
    expect(received).toHaveLength(2);
  });

  test('a client that says it and has no streams is gone, whether it closes or not', async () => {
    const { raw, connection, received } = keep(await rawPeer());
    raw.write(Buffer.concat([await openings(1, 3), goaway(0, 0), rstStream(1, 5)]));
    await until('the streams', () => received.length === 2);
    raw.write(ping(1));
    await once(raw, 'data');
    expect(connection.signal.aborted).toBe(false);
    raw.write(rstStream(3, 5));
    await once(connection.signal, 'abort');
  });

  test('a client that says it opens no more streams', async () => {
    const { raw, received } = keep(await rawPeer());
    const codec = encoder();
    raw.write(Buffer.concat([await opening(1, codec), goaway(0, 0), await opening(3, codec), ping(7)]));
    const frames = new FrameReader();
    const seen: unknown[] = [];
    for await (const chunk of raw) {
      for (const frame of frames.read(chunk as Buffer)) seen.push(frame);
      if (seen.some((frame) => (frame as { kind: string }).kind === 'ping')) break;
    }
    expect(seen).toContainEqual({ kind: 'reset', streamId: 3, status: 3 });
    expect(received).toHaveLength(1);
  });

  test('a peer that goes on sending is waited for, one that is silent is not, and none for ever', () => {
    jest.useFakeTimers();
    try {
      const giveUp = jest.fn();
      const linger = new Linger(giveUp);
      linger.start();
      for (let second = 0; second < 290; second += 5) {
        jest.advanceTimersByTime(5_000);
        linger.heard();
      }
      expect(giveUp).not.toHaveBeenCalled();
      jest.advanceTimersByTime(10_000);
      expect(giveUp).toHaveBeenCalled();
      linger.stop();
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('a client', () => {
  const options = { role: 'client', log: silentLog(), idleTimeoutMs: 10_000, maxStreams: 0 } as const;

  test('takes back a stream that it does not wait for any longer', async () => {
    const { raw, connection } = keep(await rawPeer({ role: 'client' }));
    const abort = new AbortController();
    const opened = connection.openStream(new Map(), abort.signal);
    await once(raw, 'readable');
    abort.abort();
    await expect(opened).rejects.toMatchObject({ code: 'call-cancelled' });
    const frames = new FrameReader();
    const kinds: string[] = [];
    for await (const chunk of raw) {
      for (const frame of frames.read(chunk as Buffer)) kinds.push(frame.kind);
      if (kinds.includes('reset')) break;
    }
    expect(kinds).toEqual(['syn-stream', 'reset']);
  });

  test('opens no streams at a server that has said goodbye', async () => {
    const { raw, connection } = keep(await rawPeer({ role: 'client' }));
    raw.write(Buffer.concat([goaway(0, 0), ping(2)]));
    await once(raw, 'data');
    await expect(connection.openStream(new Map())).rejects.toMatchObject({ code: 'call-cancelled' });
  });

  test('refuses what the server opens', async () => {
    const { raw, connection } = keep(await rawPeer({ role: 'client', onStream: undefined }));
    const whole = framesOf(raw);
    raw.end(await openings(2));
    await connection.done;
    expect(await whole).toEqual([{ kind: 'reset', streamId: 2, status: 3 }]);
  });

  test('may have the same stream half-closed on both sides, in either order', async () => {
    const { raw, received } = keep(await rawPeer({ maxStreams: 100 }));
    const client = new SpdyConnection(raw, Buffer.alloc(0), options);
    const one = await client.openStream(new Map());
    const two = await client.openStream(new Map());
    one.output.end('from the client');
    received[1]?.output.end('from the server');
    expect([await text(received[0]?.input ?? raw), await text(two.input)]).toEqual([
      'from the client',
      'from the server',
    ]);
    received[0]?.output.end('late answer');
    two.output.end('late question');
    expect([await text(one.input), await text(received[1]?.input ?? raw)]).toEqual(['late answer', 'late question']);
    await client.close();
  });
});
