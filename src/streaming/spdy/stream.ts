import { Readable, Writable } from 'node:stream';
import { BerthError } from '../../base';
import { Inlet } from '../inlet';
import { resetStatus } from './frames';
import type { Headers } from './headers-codec';

type Done = (error?: Error | null) => void;

/** What a stream needs of its connection. */
export interface StreamSender {
  sendData(streamId: number, payload: Buffer, done: Done): void;
  sendFin(streamId: number, done: Done): void;
  sendReset(streamId: number, status: number): void;
  /** The stream needs no more frames. */
  forget(streamId: number): void;
}

/** What waits for the peer. */
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
  private readonly inlet: Inlet;
  private remoteDone = false;
  private localDone = false;
  private release: (() => void) | undefined;

  constructor(
    readonly id: number,
    readonly headers: Headers,
    private readonly sender: StreamSender,
  ) {
    const input = new Readable({
      highWaterMark: 1,
      read: () => this.inlet.read(),
      destroy: (error, done) => {
        this.inlet.close();
        done(error);
      },
    });
    this.input = input;
    this.inlet = new Inlet(
      (piece) => input.push(piece),
      () => this.catchUp(),
    );
    this.output = new Writable({
      highWaterMark,
      write: (chunk: Buffer, _encoding, done) => (this.localDone ? done() : this.sender.sendData(this.id, chunk, done)),
      final: (done) => {
        if (this.localDone) {
          done();
          return;
        }
        // Before it is forgotten: the last stream of a peer that leaves ends the connection.
        this.sender.sendFin(this.id, done);
        this.finish('local');
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
    if (this.inlet.receive(payload)) return undefined;
    return new Promise((resolve) => {
      this.release = resolve;
    });
  }

  /** The peer half-closed. */
  receiveFin(): void {
    if (this.remoteDone) return;
    this.finish('remote');
    this.inlet.end();
  }

  /** The peer opened the stream as one that only it sends on. */
  receiveOnly(): void {
    this.finish('local');
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
    else {
      this.remoteDone = true;
      // Nothing more is taken: what waits for its reader holds nobody up.
      this.catchUp();
    }
    if (this.localDone && this.remoteDone) this.sender.forget(this.id);
  }
}
