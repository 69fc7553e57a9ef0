import { finished } from 'node:stream/promises';
import { BerthError, abortable, anySignal } from '../base';
import type { ExecProtocol } from './negotiate';
import type { SpdyConnection } from './spdy/connection';
import { resetStatus } from './spdy/frames';
import type { SpdyStream } from './spdy/stream';
import { type ExecOutcome, encodeOutcome, outcomeOf } from './status';
import type { ExecStreamRequest, StreamTarget } from './target';

/** The streams of one exec by their `streamtype` header. */
type StreamType = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize';

/**
 * One exec over a SPDY connection: collects the streams that the request calls for, runs the command when all of
 * them are open, tells how it ended on the error stream, and closes.
 */
export class ExecSession {
  private readonly streams = new Map<StreamType, SpdyStream>();
  private readonly expected: ReadonlySet<StreamType>;
  private readonly complete: Promise<void>;
  private allHere: () => void = () => undefined;

  constructor(
    private readonly request: ExecStreamRequest,
    private readonly protocol: ExecProtocol,
  ) {
    this.expected = new Set(expectedStreams(request, protocol));
    this.complete = new Promise((resolve) => {
      this.allHere = resolve;
    });
  }

  /** Takes a stream that the client opened; one that nobody asked for is reset. */
  accept(stream: SpdyStream): void {
    const type = [...this.expected].find((name) => name === stream.headers.get('streamtype'));
    if (!type || this.streams.has(type)) {
      stream.reset(resetStatus.protocolError);
      return;
    }
    this.streams.set(type, stream);
    // Their other directions carry nothing, and must not hold up the connection if they do.
    if (type !== 'stdin') stream.input.destroy();
    if (this.streams.size === this.expected.size) this.allHere();
  }

  /** Runs to the end of the connection. Never rejects. */
  async run(connection: SpdyConnection, target: StreamTarget, creationTimeoutMs: number): Promise<ExecOutcome> {
    const outcome = await outcomeOf(this.exec(connection.signal, target, creationTimeoutMs));
    await this.finish(outcome);
    await connection.close();
    return outcome;
  }

  private async exec(gone: AbortSignal, target: StreamTarget, creationTimeoutMs: number): Promise<number> {
    await this.allStreams(gone, creationTimeoutMs);
    return target.exec(this.request, {
      stdin: this.streams.get('stdin')?.input,
      stdout: this.streams.get('stdout')?.output,
      stderr: this.streams.get('stderr')?.output,
      signal: gone,
    });
  }

  private async allStreams(gone: AbortSignal, timeoutMs: number): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => {
      const missing = [...this.expected].filter((type) => !this.streams.has(type)).join(', ');
      const detail = `the client did not open its streams within ${timeoutMs / 1000} s: ${missing}`;
      late.abort(new BerthError('stream-protocol', { op: 'exec', detail }));
    }, timeoutMs);
    try {
      await abortable(this.complete, anySignal(gone, late.signal), 'exec');
    } finally {
      clearTimeout(timer);
    }
  }

  private async finish(outcome: ExecOutcome): Promise<void> {
    this.streams.get('stdin')?.input.destroy();
    const output = [this.streams.get('stdout'), this.streams.get('stderr')];
    // The output comes before the status: some clients stop reading at the status.
    await Promise.all(output.map(sendAll));
    const error = this.streams.get('error');
    error?.output.write(encodeOutcome(outcome, this.protocol));
    await Promise.all([sendAll(error), sendAll(this.streams.get('stdin')), sendAll(this.streams.get('resize'))]);
  }
}

/** Half-closes a stream and waits until it is written, or until the stream is beyond help. */
async function sendAll(stream: SpdyStream | undefined): Promise<void> {
  if (!stream || stream.output.destroyed) return;
  stream.output.end();
  // The connection's loss is known by its signal; nothing more can be done for the stream here.
  await finished(stream.output).catch(() => undefined);
}

function expectedStreams(request: ExecStreamRequest, protocol: ExecProtocol): StreamType[] {
  const types: StreamType[] = ['error'];
  if (request.stdin) types.push('stdin');
  if (request.stdout) types.push('stdout');
  if (request.stderr && !request.tty) types.push('stderr');
  if (request.tty && (protocol === 'v4.channel.k8s.io' || protocol === 'v3.channel.k8s.io')) types.push('resize');
  return types;
}
