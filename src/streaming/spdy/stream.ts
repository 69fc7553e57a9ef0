import { Readable, Writable } from 'node:stream';
import { BerthError } from '../../base';
import type { Headers } from './headers-codec';
import { resetStatus } from './frames';

type Done = (error?: Error | null) => void;

/** What a stream needs of its connection. */
export interface StreamSender {
  sendData(streamId: number, payload: Buffer, done: Done): void;
  sendFin(streamId: number, done: Done): void;
  sendReset(streamId: number, status: number): void;
  /** The stream needs no more frames. */
  forget(streamId: number): void;
}

const highWaterMark = 64 * 1024;

/**
 * One SPDY stream as two one-way streams: ending `output` half-closes it, destroying `input` throws away what still
 * comes, destroying `output` resets it. CANCEL from the peer reads as the end, and what is written after it is
 * thrown away, as other implementations do.
 */
export class SpdyStream {
  readonly input: Readable;
  readonly output: Writable;
  private readonly cut = new AbortController();
  private remoteDone = false;
  private localDone = false;
  private release: (() => void) | undefined;

  constructor(
    readonly id: number,
    readonly headers: Headers,
    private readonly sender: StreamSender,
  ) {
    this.input = new Readable({
      highWaterMark,
      read: () => this.catchUp(),
      destroy: (error, done) => {
        this.catchUp();
        done(error);
      },
    });
    this.output = new Writable({
      highWaterMark,
      write: (chunk: Buffer, _encoding, done) => (this.localDone ? done() : this.sender.sendData(this.id, chunk, done)),
      final: (done) => {
        if (this.localDone) {
          done();
          return;
        }
        this.finish('local');
        this.sender.sendFin(this.id, done);
      },
      destroy: (error, done) => {
        if (!this.localDone) this.reset(error ? resetStatus.internal : resetStatus.cancel);
        done(error);
      },
    });
    // A stream nobody listens to must not end the process when its connection breaks.
    this.input.on('error', () => undefined);
    this.output.on('error', () => undefined);
  }

  /** Aborted when the peer resets the stream, which reads as an end if it says CANCEL. */
  get signal(): AbortSignal {
    return this.cut.signal;
  }

  /** Takes data from the connection; if the reader is behind, the promise settles when it has caught up. */
  receive(payload: Buffer): Promise<void> | undefined {
    if (this.remoteDone || this.input.destroyed || payload.length === 0 || this.input.push(payload)) return undefined;
    return new Promise((resolve) => {
      this.release = resolve;
    });
  }

  /** The peer half-closed. */
  receiveFin(): void {
    if (this.remoteDone) return;
    this.finish('remote');
    this.input.push(null);
  }

  /** The peer wants no more of this stream. */
  receiveReset(status: number): void {
    this.finish('local');
    this.cut.abort(new BerthError('call-cancelled', { op: 'stream', detail: 'the peer reset it' }));
    if (status === resetStatus.cancel) {
      this.receiveFin();
      return;
    }
    const error = new BerthError('stream-protocol', {
      op: 'stream',
      detail: `the peer reset it with status ${status}`,
    });
    this.connectionLost(error);
    this.finish('remote');
  }

  /** The connection is gone: what came whole can still be read, the rest is an error. */
  connectionLost(error: Error): void {
    this.localDone = true;
    if (!this.output.writableFinished) this.output.destroy(error);
    if (!this.remoteDone) this.input.destroy(error);
    else this.catchUp();
  }

  /** Closes both directions at once. */
  reset(status: number): void {
    if (!this.localDone || !this.remoteDone) this.sender.sendReset(this.id, status);
    this.finish('local');
    this.receiveFin();
  }

  private catchUp(): void {
    this.release?.();
    this.release = undefined;
  }

  private finish(side: 'local' | 'remote'): void {
    if (side === 'local') this.localDone = true;
    else this.remoteDone = true;
    if (this.localDone && this.remoteDone) this.sender.forget(this.id);
  }
}
