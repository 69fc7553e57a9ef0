import { InputQueue } from './input-queue';

/** Bytes that wait for a reader until the connection that they came over is stopped. */
const highWaterMark = 64 * 1024;

/**
 * Between a connection and the Readable of one of its streams: holds what the reader has not asked for, and tells when it is
 * behind. The Readable itself needs a `highWaterMark` of 1: it counts bytes only, not the pieces that they came in.
 */
export class Inlet {
  private readonly queue = new InputQueue();
  /** The reader has nothing and waits. */
  private wanted = false;
  /** Nothing more comes. */
  private over = false;
  private ended = false;

  constructor(
    /** Hands the Readable a piece, or its end. */
    private readonly push: (piece: Buffer | null) => void,
    /** A reader that was behind may be sent more. */
    private readonly caughtUp: () => void,
  ) {}

  /** To be called by the Readable's `read`. */
  read(): void {
    this.wanted = true;
    this.feed();
  }

  /** Takes what came. False if the reader is behind now: `caughtUp` is called when it no longer is. */
  receive(payload: Buffer): boolean {
    if (this.over || payload.length === 0) return true;
    this.queue.push(payload);
    this.feed();
    return this.queue.bytes < highWaterMark;
  }

  /** The reader is told the end behind what is held. */
  end(): void {
    this.over = true;
    if (this.queue.bytes === 0) this.finish();
  }

  /** Throws away what is held, and what still comes: to be called by the Readable's `destroy`. */
  close(): void {
    this.over = true;
    this.queue.clear();
    this.caughtUp();
  }

  /** Hands the reader what it waits for, and behind the last of it the end. */
  private feed(): void {
    if (!this.wanted) return;
    const piece = this.queue.shift();
    if (!piece) return;
    this.wanted = false;
    if (this.queue.bytes < highWaterMark / 2) this.caughtUp();
    this.push(piece);
    if (this.over && this.queue.bytes === 0) this.finish();
  }

  /** Once: whoever reads may have come here again from within a push. */
  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.push(null);
  }
}
