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

/** Cuts a byte stream into frames, wherever its chunks end. */
export class FrameReader {
  private chunks: Buffer[] = [];
  private size = 0;
  /** Bytes that must be there before it is worth looking again. */
  private needed = headerSize;

  /** The frames that are whole with these bytes; throws WireError for what is no frame. */
  *push(chunk: Buffer): Generator<Frame> {
    this.chunks.push(chunk);
    this.size += chunk.length;
    while (this.size >= this.needed) {
      const data = this.chunks.length === 1 ? (this.chunks[0] ?? chunk) : Buffer.concat(this.chunks);
      this.chunks = [data];
      const length = data.readUInt32LE(0);
      if (length > payloadMax || data.readUIntLE(5, 3) !== 0) throw new WireError('a frame that cannot be');
      this.needed = headerSize + length;
      if (data.length < this.needed) return;
      const rest = data.subarray(this.needed);
      this.chunks = [rest];
      this.size = rest.length;
      const payload = data.subarray(headerSize, this.needed);
      this.needed = headerSize;
      yield { type: data.readUInt8(4), tag: data.readUInt32LE(8), payload };
    }
  }
}
