import { deflateSync, constants } from 'node:zlib';
import { dataHeader, goaway, ping, rstStream, synReply, synStream } from '../../../src/streaming/spdy/frames';
import { HeadersEncoder } from '../../../src/streaming/spdy/headers-codec';
import { mutate } from './mutate';
import type { Asked } from './vandal';
import type { Random } from './random';

const types = ['error', 'stdin', 'stdout', 'stderr', 'resize', 'data', 'nonsense', ''] as const;

/** What a client could send on an upgraded connection: frames that are right, wrong and half, or a damaged run of them. */
export async function spdyBytes(random: Random, asked: Asked): Promise<Buffer> {
  const encoder = new HeadersEncoder();
  try {
    const session = new Session(random, encoder);
    const parts = await session.opening(asked);
    for (let left = random.length(60); left > 0; left--) parts.push(await session.frame());
    const bytes = Buffer.concat(parts);
    return random.chance(0.3) ? mutate(bytes, random) : bytes;
  } finally {
    encoder.close();
  }
}

class Session {
  private nextId = 1;

  constructor(
    private readonly random: Random,
    private readonly encoder: HeadersEncoder,
  ) {}

  /** The streams that the request calls for; now and then one is missing, or one too many. */
  async opening({ verb, stdin, stderr, tty }: Asked): Promise<Buffer[]> {
    const forward = verb === 'portforward';
    const command = [
      'error',
      'stdout',
      ...(stdin ? ['stdin'] : []),
      ...(stderr ? ['stderr'] : []),
      ...(tty ? ['resize'] : []),
    ];
    const frames: Buffer[] = [];
    for (const type of forward ? ['error', 'data', 'error', 'data'] : command) {
      if (this.random.chance(0.03)) continue;
      const port: Record<string, string> = forward ? { port: '80', requestid: String(frames.length >> 1) } : {};
      frames.push(await this.open(this.takeId(), { streamtype: type, ...port }));
      if (this.random.chance(0.03)) frames.push(await this.open(this.takeId(), this.headers()));
    }
    return frames;
  }

  async frame(): Promise<Buffer> {
    const { random } = this;
    switch (random.below(14)) {
      case 0:
        return this.open(random.chance(0.95) ? this.takeId() : this.anyId(), this.headers());
      case 1:
      case 2:
      case 3:
        return this.data(random.length(100_000));
      case 4:
        return rstStream(this.anyId(), random.below(12));
      case 5:
        return Buffer.concat(Array<Buffer>(1 + random.length(2000)).fill(ping(random.below(5))));
      case 6:
        return random.chance(0.2) ? goaway(this.anyId(), random.below(3)) : ping(1);
      case 7:
        return this.control(random.pick([4, 5, 9, 10, 200]), random.bytes(random.length(500)));
      case 8:
        return this.withBlock(synReply);
      case 9:
        return this.resize();
      case 10:
        return random.chance(0.1) ? this.bomb() : this.data(0);
      case 11:
        // A frame that says that it is longer, or shorter, than it is.
        return Buffer.concat([
          dataHeader(this.anyId(), random.below(1 << 24), false),
          random.bytes(random.length(5000)),
        ]);
      case 12:
        if (random.chance(0.9)) return this.data(random.length(30));
        return this.control(random.below(16), random.bytes(random.length(random.chance(0.05) ? 20_000 : 30)));
      default:
        return random.chance(0.05) ? random.bytes(random.length(300)) : this.data(random.length(1000));
    }
  }

  private takeId(): number {
    const id = this.nextId;
    this.nextId += 2;
    return id;
  }

  private anyId(): number {
    const { random } = this;
    return random.chance(0.8)
      ? 1 + random.below(this.nextId + 2)
      : random.pick([0, 2, 0x7fffffff, 0x7ffffffe, 1 << 20]);
  }

  private headers(): Record<string, string> {
    const { random } = this;
    const headers: Record<string, string> = {};
    if (random.chance(0.9)) headers['streamtype'] = random.pick(types);
    if (random.chance(0.5)) headers['port'] = random.pick(['80', '0', '-1', '99999', 'http', '65535\0' + '1', '']);
    if (random.chance(0.5)) headers['requestid'] = random.pick(['0', '1', '2', '', 'x'.repeat(300)]);
    if (random.chance(0.05)) headers[random.bytes(5).toString('latin1')] = 'x'.repeat(random.below(20_000));
    return headers;
  }

  private async open(id: number, headers: Record<string, string>): Promise<Buffer> {
    const frame = await this.withBlock((_, block) => synStream(id, block), headers);
    frame.writeUInt8(this.random.chance(0.97) ? 0 : this.random.below(4), 4);
    return frame;
  }

  private async withBlock(
    make: (id: number, block: Buffer) => Buffer,
    headers: Record<string, string> = this.headers(),
  ): Promise<Buffer> {
    let frame = Buffer.alloc(0);
    await this.encoder.encode(new Map(Object.entries(headers)), (block) => {
      frame = Buffer.from(make(this.anyId(), block));
    });
    return frame;
  }

  private data(length: number): Buffer {
    const fin = this.random.chance(0.1);
    return Buffer.concat([dataHeader(this.anyId() & 0x7fffffff, length, fin), Buffer.alloc(length, 'fuzz ')]);
  }

  private resize(): Buffer {
    const { random } = this;
    const text = random.pick([
      '{"Width":80,"Height":24}',
      '{"Width":80,"Height":24}{"Width":81,',
      '{"Width":-1,"Height":70000}',
      '{"Width":"x"}',
      '{'.repeat(3000),
      '"'.repeat(70_000),
    ]);
    return Buffer.concat([dataHeader(1 + 2 * random.below(5), text.length, false), Buffer.from(text)]);
  }

  private control(type: number, body: Buffer): Buffer {
    const head = Buffer.from([0x80, 3, 0, type, this.random.below(256), 0, 0, 0]);
    head.writeUIntBE(body.length, 5, 3);
    return Buffer.concat([head, body]);
  }

  /** A block that is small only while it is compressed; in no context that was begun, as that is enough to try. */
  private bomb(): Buffer {
    const block = deflateSync(Buffer.alloc(8 << 20), { finishFlush: constants.Z_SYNC_FLUSH });
    return synStream(this.takeId(), block.subarray(0, 16_000));
  }
}
