import { BerthError } from '../../base';

/** Control frame types of SPDY/3.1 that this end sends or reads. */
const type = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

/** RST_STREAM status codes (SPDY/3.1, 2.6.3). */
export const resetStatus = { protocolError: 1, invalidStream: 2, refused: 3, cancel: 5, internal: 6 } as const;

/** GOAWAY status codes (SPDY/3.1, 2.6.6). */
export const goawayStatus = { ok: 0, protocolError: 1 } as const;

/** Of data frames only `fin`. An unidirectional stream is one that its recipient sends nothing on. */
const flag = { fin: 1, unidirectional: 2 } as const;
const headerBytes = 8;
/** No control frame of this protocol comes near: more is a broken or a hostile peer. */
export const maxControlBytes = 16 * 1024;

/** A frame as it is read. Data comes in pieces as the socket gives them; `fin` is on the last one. */
export type Frame =
  | {
      readonly kind: 'syn-stream';
      readonly streamId: number;
      readonly fin: boolean;
      /** The recipient has nothing to send on it, not even a reply. */
      readonly unidirectional: boolean;
      readonly block: Buffer;
    }
  | { readonly kind: 'syn-reply'; readonly streamId: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly kind: 'headers'; readonly streamId: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly kind: 'reset'; readonly streamId: number; readonly status: number }
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'goaway'; readonly status: number }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'data'; readonly streamId: number; readonly fin: boolean; readonly payload: Buffer };

/** The error for bytes that are not the protocol: the connection answers it with GOAWAY. */
export function protocolError(detail: string): BerthError {
  return new BerthError('stream-protocol', { op: 'read SPDY', detail });
}

/** Cuts a byte stream into frames. Memory is bounded: data is passed on as it comes, control frames have a limit. */
export class FrameReader {
  /** The header that is being read, or the control frame's body behind it. */
  private part = new Part(headerBytes);
  /** The header of the control frame whose body is being read. */
  private control: Buffer | undefined;
  /** The data frame that is being read. */
  private data: { readonly streamId: number; readonly fin: boolean; left: number } | undefined;

  /** The frames that end, and the data that lies, in these bytes. Throws `stream-protocol`. */
  *read(chunk: Buffer): Generator<Frame, void, undefined> {
    let rest = chunk;
    for (;;) {
      if (this.data) {
        if (rest.length === 0 && this.data.left > 0) return;
        const payload = rest.subarray(0, this.data.left);
        rest = rest.subarray(payload.length);
        yield this.piece(this.data, payload);
        continue;
      }
      rest = this.part.fill(rest);
      const { whole } = this.part;
      if (!whole) return;
      if (this.control) {
        const head = this.control;
        this.control = undefined;
        this.part = new Part(headerBytes);
        yield controlFrame(head, whole);
      } else this.begin(whole);
    }
  }

  private begin(head: Buffer): void {
    const length = head.readUIntBE(5, 3);
    if (((head[0] ?? 0) & 0x80) === 0) {
      const streamId = head.readUInt32BE(0);
      if (streamId === 0) throw protocolError('data for stream 0');
      this.data = { streamId, fin: ((head[4] ?? 0) & flag.fin) !== 0, left: length };
      this.part = new Part(headerBytes);
      return;
    }
    if (length > maxControlBytes) throw protocolError(`a control frame of ${length} bytes`);
    this.control = head;
    this.part = new Part(length);
  }

  private piece(data: NonNullable<typeof this.data>, payload: Buffer): Frame {
    data.left -= payload.length;
    if (data.left === 0) this.data = undefined;
    return { kind: 'data', streamId: data.streamId, fin: data.fin && data.left === 0, payload };
  }
}

/** So many bytes, in however many chunks they come: each is copied once at most, and no chunk is kept alive. */
class Part {
  private held: Buffer | undefined;
  private filled = 0;
  whole: Buffer | undefined;

  constructor(private readonly bytes: number) {}

  /** Takes what it lacks and gives the rest back. */
  fill(chunk: Buffer): Buffer {
    if (this.filled === 0 && chunk.length >= this.bytes) {
      this.whole = chunk.subarray(0, this.bytes);
      return chunk.subarray(this.bytes);
    }
    this.held ??= Buffer.alloc(this.bytes);
    const taken = chunk.copy(this.held, this.filled);
    this.filled += taken;
    if (this.filled === this.bytes) this.whole = this.held;
    return chunk.subarray(taken);
  }
}

function controlFrame(head: Buffer, body: Buffer): Frame {
  const version = head.readUInt16BE(0) & 0x7fff;
  if (version !== 3) throw protocolError(`version ${version} of SPDY`);
  const fin = ((head[4] ?? 0) & flag.fin) !== 0;
  const need = (bytes: number) => {
    if (body.length < bytes) throw protocolError(`a control frame of type ${head.readUInt16BE(2)} is too short`);
  };
  switch (head.readUInt16BE(2)) {
    case type.synStream:
      need(10);
      return {
        kind: 'syn-stream',
        streamId: streamIdOf(body),
        fin,
        unidirectional: ((head[4] ?? 0) & flag.unidirectional) !== 0,
        block: body.subarray(10),
      };
    case type.synReply:
      need(4);
      return { kind: 'syn-reply', streamId: streamIdOf(body), fin, block: body.subarray(4) };
    case type.headers:
      need(4);
      return { kind: 'headers', streamId: streamIdOf(body), fin, block: body.subarray(4) };
    case type.rstStream:
      need(8);
      return { kind: 'reset', streamId: streamIdOf(body), status: body.readUInt32BE(4) };
    case type.ping:
      need(4);
      return { kind: 'ping', id: body.readUInt32BE(0) };
    case type.goaway:
      need(8);
      return { kind: 'goaway', status: body.readUInt32BE(4) };
    // Peers send no windows in practice and heed none: TCP is the backpressure. Unknown types are to be ignored.
    default:
      return { kind: 'ignored' };
  }
}

function streamIdOf(body: Buffer): number {
  return body.readUInt32BE(0) & 0x7fffffff;
}

function control(frameType: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(headerBytes);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(frameType, 2);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([head, body]);
}

function words(...values: number[]): Buffer {
  const body = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => body.writeUInt32BE(value, index * 4));
  return body;
}

/** Opens a stream, with priority 0 and no associated stream. */
export function synStream(streamId: number, block: Buffer): Buffer {
  return control(type.synStream, 0, Buffer.concat([words(streamId, 0), Buffer.alloc(2), block]));
}

/** Accepts a stream. */
export function synReply(streamId: number, block: Buffer): Buffer {
  return control(type.synReply, 0, Buffer.concat([words(streamId), block]));
}

export function rstStream(streamId: number, status: number): Buffer {
  return control(type.rstStream, 0, words(streamId, status));
}

export function ping(id: number): Buffer {
  return control(type.ping, 0, words(id));
}

export function goaway(lastStreamId: number, status: number): Buffer {
  return control(type.goaway, 0, words(lastStreamId, status));
}

/** The eight bytes before a payload of at most 16 MiB. */
export function dataHeader(streamId: number, length: number, fin: boolean): Buffer {
  const head = Buffer.alloc(headerBytes);
  head.writeUInt32BE(streamId, 0);
  head.writeUInt8(fin ? flag.fin : 0, 4);
  head.writeUIntBE(length, 5, 3);
  return head;
}
