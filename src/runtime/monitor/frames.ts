import { WireError } from '../../base';

/** One frame of the monitor's protocol. The tag is the request's in an answer, 0 in what was not asked for. */
export interface Frame {
  readonly type: number;
  readonly tag: number;
  readonly payload: Buffer;
}

const headerSize = 12;
/** No frame of a monitor is longer. */
const payloadMax = 2 * 1024 ** 2;

/** u32 payload length, u8 type, three zero bytes, u32 tag; the payload follows. */
export function encodeHeader(type: number, tag: number, length: number): Buffer {
  const header = Buffer.alloc(headerSize);
  header.writeUInt32LE(length, 0);
  header.writeUInt8(type, 4);
  header.writeUInt32LE(tag, 8);
  return header;
}

export function encodeFrame(type: number, tag: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([encodeHeader(type, tag, payload.length), payload]);
}

/** A frame whose payload has still to come, or the rest of it. */
interface Open {
  readonly type: number;
  readonly tag: number;
  readonly left: number;
}

/**
 * Cuts a byte stream into frames, wherever its chunks end. Of the types that are output the payload is handed on in the pieces
 * that it comes in, each as a frame: a fast output is not copied together.
 */
export class FrameReader {
  private chunks: Buffer[] = [];
  private size = 0;
  /** Bytes that must be there before it is worth looking again. */
  private needed = headerSize;
  private open: Open | undefined;

  constructor(private readonly output: ReadonlySet<number> = new Set()) {}

  /** The frames that are whole with these bytes; throws WireError for what is no frame. */
  *push(chunk: Buffer): Generator<Frame> {
    this.chunks.push(chunk);
    this.size += chunk.length;
    while (this.size >= this.needed) {
      const data = this.chunks.length === 1 ? (this.chunks[0] ?? chunk) : Buffer.concat(this.chunks);
      const from = this.open ? 0 : headerSize;
      const { type, tag, left } = this.open ?? readHeader(data);
      const whole = from + left;
      if (data.length < whole && !this.output.has(type)) {
        this.keep(data, whole);
        return;
      }
      const to = Math.min(whole, data.length);
      this.open = to < whole ? { type, tag, left: whole - to } : undefined;
      this.keep(data.subarray(to), this.open ? 1 : headerSize);
      if (to > from || to === whole) yield { type, tag, payload: data.subarray(from, to) };
    }
  }

  private keep(data: Buffer, needed: number): void {
    this.chunks = data.length > 0 ? [data] : [];
    this.size = data.length;
    this.needed = needed;
  }
}

function readHeader(data: Buffer): Open {
  const left = data.readUInt32LE(0);
  if (left > payloadMax || data.readUIntLE(5, 3) !== 0) throw new WireError('a frame that cannot be');
  return { type: data.readUInt8(4), tag: data.readUInt32LE(8), left };
}
