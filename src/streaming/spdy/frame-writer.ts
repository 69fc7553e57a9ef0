import type { Duplex } from 'node:stream';
import { goneError } from '../endings';
import { Linger } from './linger';
import { dataHeader, goaway, ping } from './frames';

/** Data frames are cut to this, so that a ping or another stream need not wait for a huge one. */
const maxDataBytes = 64 * 1024;
/** Answers to a peer that does not read them: while there are more, nothing is read from it. */
const maxUnsentAnswers = 16 * 1024;
/** While a slow reader holds the connection up, nothing is read: only a write tells that the peer is gone. */
const probeMs = 5_000;

/** The sending side of a connection. After GOAWAY, or the peer's end, frames are dropped: nobody would read them. */
export class FrameWriter {
  private said = false;
  private readonly linger: Linger;
  /** Bytes of answers that the kernel has not taken. */
  private unsent = 0;
  private corked = false;
  private makeRoom: () => void = () => undefined;

  constructor(
    private readonly socket: Duplex,
    /** Ids of pings that this end sends: the server's are even, the client's odd. */
    private nextPingId: number,
    /** Called when data is sent: the connection is not idle. */
    private readonly onData: () => void,
  ) {
    this.linger = new Linger(() => this.socket.destroy());
    socket.on('close', () => this.makeRoom());
  }

  get open(): boolean {
    return !this.said && this.socket.writable;
  }

  /** Whether a ping came from us and now comes back. */
  isOwnPing(id: number): boolean {
    return id % 2 === this.nextPingId % 2;
  }

  write(frame: Buffer): void {
    if (this.open) this.socket.write(frame);
  }

  /** Writes a frame that the peer has caused; `room` is to be awaited before anything more is read. */
  answer(frame: Buffer): void {
    if (!this.open) return;
    if (!this.corked) {
      this.corked = true;
      this.socket.cork();
      process.nextTick(() => this.flush());
    }
    this.unsent += frame.length;
    this.socket.write(frame, () => {
      this.unsent -= frame.length;
      if (this.unsent <= maxUnsentAnswers) this.makeRoom();
    });
  }

  /** Lets go of the answers: those to one chunk's frames leave together. */
  flush(): void {
    if (this.corked) this.socket.uncork();
    this.corked = false;
  }

  /** Undefined, or settles when the peer has read enough of its answers: what it can ask for is bounded by that. */
  room(): Promise<void> | undefined {
    if (this.unsent <= maxUnsentAnswers || this.socket.destroyed) return undefined;
    return new Promise((resolve) => {
      this.makeRoom = resolve;
    });
  }

  /** Calls back when the kernel has the data. */
  data(streamId: number, payload: Buffer, done: (error?: Error | null) => void): void {
    if (!this.open) {
      done(goneError());
      return;
    }
    this.onData();
    this.socket.cork();
    for (let at = 0; at < payload.length; at += maxDataBytes) {
      const piece = payload.subarray(at, at + maxDataBytes);
      this.socket.write(dataHeader(streamId, piece.length, false));
      this.socket.write(piece, at + maxDataBytes >= payload.length ? done : undefined);
    }
    this.socket.uncork();
    if (payload.length === 0) done();
  }

  fin(streamId: number, done: (error?: Error | null) => void): void {
    if (this.open) this.socket.write(dataHeader(streamId, 0, true), done);
    else done();
  }

  /** Pings now and then until the promise settles. The answers are of no interest: a failed write ends the socket. */
  async probeWhile(behind: Promise<void>): Promise<void> {
    const timer = setInterval(() => {
      if (!this.socket.writableNeedDrain) this.write(ping(this.nextPingId));
      this.nextPingId = (this.nextPingId + 2) % 0x7ffffffe;
    }, probeMs);
    timer.unref();
    try {
      await behind;
    } finally {
      clearInterval(timer);
    }
  }

  /** Says GOAWAY after everything else, half-closes, and gives the peer time to read it and to do the same. */
  goodbye(lastStreamId: number, status: number): void {
    if (this.open) this.socket.end(goaway(lastStreamId, status));
    this.said = true;
    this.linger.start();
  }

  /** The peer sent something behind our GOAWAY. */
  heard(): void {
    this.linger.heard();
  }

  dispose(): void {
    this.said = true;
    this.linger.stop();
    this.socket.destroy();
  }
}
