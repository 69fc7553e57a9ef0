import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { silentLog } from '../../../../src/base';
import { type ConnectionOptions, SpdyConnection } from '../../../../src/streaming/spdy/connection';
import { type Frame, FrameReader, synStream } from '../../../../src/streaming/spdy/frames';
import { type Headers, HeadersEncoder } from '../../../../src/streaming/spdy/headers-codec';
import type { SpdyStream } from '../../../../src/streaming/spdy/stream';

export interface RawPeer {
  /** The other end of the connection: what a test writes here is what a peer could send. */
  readonly raw: Socket;
  /** This end's socket. */
  readonly socket: Socket;
  readonly connection: SpdyConnection;
  /** The streams that the peer opened. */
  readonly received: SpdyStream[];
}

/** Two ends of a real TCP connection, with a SPDY connection on one of them. */
export async function rawPeer(options: Partial<ConnectionOptions> = {}, head = Buffer.alloc(0)): Promise<RawPeer> {
  const listener = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const raw = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = await accepted;
  listener.close();
  const received: SpdyStream[] = [];
  const connection = new SpdyConnection(socket, head, {
    role: 'server',
    log: silentLog(),
    idleTimeoutMs: 10_000,
    maxStreams: 4,
    onStream: (stream) => void received.push(stream),
    ...options,
  });
  return { raw, socket, connection, received };
}

/** One whose streams all give back what they get. */
export async function echoPeer(options: Partial<ConnectionOptions> = {}): Promise<RawPeer> {
  const received: SpdyStream[] = [];
  const onStream = (stream: SpdyStream) => {
    received.push(stream);
    stream.input.pipe(stream.output);
  };
  return { ...(await rawPeer({ ...options, onStream })), received };
}

/** What comes until the other end closes. */
export async function framesOf(raw: Socket): Promise<Frame[]> {
  return [...new FrameReader().read(await buffer(raw))];
}

/** A SYN_STREAM frame, with the next block of the encoder's context. */
export async function opening(
  streamId: number,
  encoder: HeadersEncoder,
  headers: Headers = new Map([['streamtype', 'stdin']]),
): Promise<Buffer> {
  let frame = Buffer.alloc(0);
  await encoder.encode(headers, (block) => {
    frame = Buffer.from(synStream(streamId, block));
  });
  return frame;
}

/** Frames that open these streams, in their order, in a context of their own. */
export async function openings(...streamIds: number[]): Promise<Buffer> {
  const encoder = new HeadersEncoder();
  const frames: Buffer[] = [];
  for (const id of streamIds) frames.push(await opening(id, encoder));
  encoder.close();
  return Buffer.concat(frames);
}
