import { headerSize, maxReply } from './ops';

/** One message of the control socket. */
export interface Frame {
  readonly id: number;
  readonly op: number;
  readonly status: number;
  readonly payload: Buffer;
}

/** The bytes of a request. */
export function encodeFrame(id: number, op: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerSize + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt32LE(id, 4);
  frame.writeUInt16LE(op, 8);
  frame.writeUInt16LE(0, 10);
  frame.set(payload, headerSize);
  return frame;
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  private rest: Buffer = Buffer.alloc(0);

  /** The frames that are whole with these bytes. Throws a RangeError if one is larger than any answer may be. */
  push(chunk: Buffer): Frame[] {
    let data = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const frames: Frame[] = [];
    while (data.length >= headerSize) {
      const size = data.readUInt32LE(0);
      if (size > maxReply) throw new RangeError(`a frame of ${size} bytes`);
      if (data.length < headerSize + size) break;
      frames.push({
        id: data.readUInt32LE(4),
        op: data.readUInt16LE(8),
        status: data.readUInt16LE(10),
        payload: data.subarray(headerSize, headerSize + size),
      });
      data = data.subarray(headerSize + size);
    }
    this.rest = data;
    return frames;
  }
}
