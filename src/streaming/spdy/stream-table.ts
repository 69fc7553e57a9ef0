import { protocolError } from './frames';
import type { SpdyStream } from './stream';

const maxStreamId = 0x7fffffff;

/** The streams of a connection, and which ids may come: the client's are odd, the server's even, both rise (SPDY/3, 2.3.2). */
export class StreamTable {
  private readonly streams = new Map<number, SpdyStream>();
  private readonly opening = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  private nextOwnId: number;
  private lastPeerId = 0;
  private peers = 0;

  constructor(role: 'server' | 'client') {
    this.nextOwnId = role === 'client' ? 1 : 2;
  }

  /** The peer's last stream that was admitted; 0 is none. */
  get lastGoodId(): number {
    return this.lastPeerId;
  }

  /** Streams that the peer has open. */
  get peerCount(): number {
    return this.peers;
  }

  get size(): number {
    return this.streams.size;
  }

  /** The id of the next stream of this end. Throws `stream-protocol` when there are no more. */
  takeOwnId(): number {
    const id = this.nextOwnId;
    if (id > maxStreamId) throw protocolError('the connection has no stream ids left');
    this.nextOwnId += 2;
    return id;
  }

  /** Notes that the peer opens this stream. Throws `stream-protocol` if it may not. */
  admit(id: number): void {
    if (this.isOwn(id) || id <= this.lastPeerId) throw protocolError(`stream id ${id} after ${this.lastPeerId}`);
    this.lastPeerId = id;
  }

  /** Whether the id belongs to a stream that is open or over. */
  wasOpen(id: number): boolean {
    return this.isOwn(id) ? id < this.nextOwnId : id <= this.lastPeerId;
  }

  get(id: number): SpdyStream | undefined {
    return this.streams.get(id);
  }

  add(stream: SpdyStream): void {
    this.streams.set(stream.id, stream);
    if (!this.isOwn(stream.id)) this.peers++;
  }

  delete(id: number): void {
    if (this.streams.delete(id) && !this.isOwn(id)) this.peers--;
  }

  /** Settles when the peer has answered the opening of this stream. */
  replied(id: number): Promise<void> {
    const answer = new Promise<void>((resolve, reject) => this.opening.set(id, { resolve, reject }));
    // It may be rejected before anybody waits for it.
    answer.catch(() => undefined);
    return answer;
  }

  /** The peer accepted the stream, or refused it with this error; nothing happens if it had answered already. */
  settle(id: number, refusal?: Error): void {
    const waiting = this.opening.get(id);
    this.opening.delete(id);
    if (refusal) waiting?.reject(refusal);
    else waiting?.resolve();
  }

  /** Throws away what the peer still sends: a reader that is behind lets go of the connection. */
  stopReading(): void {
    for (const { input } of this.streams.values()) if (!input.readableEnded) input.destroy();
  }

  /** The connection is gone, and with it all streams. */
  breakAll(error: Error): void {
    for (const id of [...this.opening.keys()]) this.settle(id, error);
    for (const stream of [...this.streams.values()]) stream.connectionLost(error);
    this.streams.clear();
    this.peers = 0;
  }

  private isOwn(id: number): boolean {
    return id % 2 === this.nextOwnId % 2;
  }
}
