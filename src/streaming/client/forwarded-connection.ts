import { Duplex, type Readable } from 'node:stream';
import { BerthError } from '../../base';
import { resetStatus } from '../spdy/frames';
import type { SpdyStream } from '../spdy/stream';

/** An error stream that has no end is not read to it. */
const maxErrorBytes = 16 * 1024;

/** The data stream of one connection as a socket would be; what comes on the error stream breaks it. */
export class ForwardedConnection extends Duplex {
  private said = '';

  constructor(
    private readonly port: number,
    private readonly data: SpdyStream,
    error: Readable,
  ) {
    super({ allowHalfOpen: true });
    data.input.on('data', (chunk) => {
      if (!this.push(chunk)) data.input.pause();
    });
    // What the error stream said before it is heard first.
    data.input.on('end', () => setImmediate(() => this.destroyed || this.heed() || this.push(null)));
    for (const side of [data.input, data.output]) side.on('error', (cause) => this.destroy(cause));
    // CANCEL reads as an end, but what is written is lost from now on.
    const cut = () => this.writable && this.breakOff('the server gave the connection up');
    data.signal.addEventListener('abort', cut);
    // Already: whoever waits for this connection has still to listen to it.
    if (data.signal.aborted) setImmediate(cut);
    error.setEncoding('utf8').on('data', (chunk: string) => {
      this.said += chunk;
      if (this.said.length > maxErrorBytes) this.heed();
    });
    error.on('end', () => this.heed()).on('close', () => this.heed());
  }

  override _read(): void {
    this.data.input.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.data.output.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.data.output.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.data.reset(resetStatus.cancel);
    this.data.input.destroy();
    done(error);
  }

  /** What has been said on the error stream breaks the connection. */
  private heed(): boolean {
    if (this.said !== '') this.breakOff(this.said);
    return this.said !== '';
  }

  private breakOff(detail: string): void {
    this.destroy(
      new BerthError('program-failed', { op: `port-forward: port ${this.port}`, detail, remedy: 'see the message' }),
    );
  }
}
