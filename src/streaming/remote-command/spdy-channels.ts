import type { Duplex } from 'node:stream';
import { BerthError, abortable, anySignal } from '../../base';
import type { SessionParts } from '../session';
import { SpdyConnection } from '../spdy/connection';
import { resetStatus } from '../spdy/frames';
import type { SpdyStream } from '../spdy/stream';
import type { AttachStreamRequest, ClientStreams } from '../target';
import type { RemoteCommand } from './command';
import { type CommandVersion, hasResize } from './protocols';
import { sendAll } from './send-all';
import type { CommandChannels } from './session';
import { type CommandOutcome, encodeOutcome } from './status';
import { terminalSizes } from './terminal-sizes';

/** The streams of a command by their `streamtype` header. */
type StreamType = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize';

/** error, stdin, stdout, stderr, resize, and some slack for those that are refused later. */
const maxStreams = 16;

/** The streams of one command over a SPDY connection: those that the request calls for, and the error stream. */
export class SpdyChannels implements CommandChannels {
  private readonly connection: SpdyConnection;
  private readonly streams = new Map<StreamType, SpdyStream>();
  private readonly expected: ReadonlySet<StreamType>;
  private readonly complete: Promise<void>;
  private allHere: () => void = () => undefined;

  constructor(
    socket: Duplex,
    head: Buffer,
    private readonly command: RemoteCommand,
    private readonly version: CommandVersion,
    private readonly parts: Omit<SessionParts, 'target'>,
  ) {
    this.expected = new Set(expectedStreams(command.request, version));
    this.complete = new Promise((resolve) => {
      this.allHere = resolve;
    });
    this.connection = new SpdyConnection(socket, head, {
      role: 'server',
      log: parts.log,
      idleTimeoutMs: parts.idleTimeoutMs,
      maxStreams,
      onStream: (stream) => this.accept(stream),
    });
  }

  async opened(): Promise<ClientStreams> {
    const late = new AbortController();
    const { creationTimeoutMs } = this.parts;
    const timer = setTimeout(() => {
      const missing = [...this.expected].filter((type) => !this.streams.has(type)).join(', ');
      const detail = `the client did not open its streams within ${creationTimeoutMs / 1000} s: ${missing}`;
      late.abort(new BerthError('stream-protocol', { op: this.command.verb, detail }));
    }, creationTimeoutMs);
    const gone = this.connection.signal;
    try {
      await abortable(this.complete, anySignal(gone, late.signal), this.command.verb);
    } finally {
      clearTimeout(timer);
    }
    const resize = this.streams.get('resize');
    return {
      stdin: this.streams.get('stdin')?.input,
      stdout: this.streams.get('stdout')?.output,
      stderr: this.streams.get('stderr')?.output,
      resize: resize && terminalSizes(resize.input),
      signal: gone,
    };
  }

  async finish(outcome: CommandOutcome): Promise<void> {
    for (const type of ['stdin', 'resize'] as const) this.streams.get(type)?.input.destroy();
    // The output comes before the status: some clients stop reading at the status.
    await this.sendAll('stdout', 'stderr');
    this.streams.get('error')?.output.write(encodeOutcome(outcome, this.version));
    await this.sendAll('error', 'stdin', 'resize');
    await this.connection.close();
  }

  stop(): void {
    this.connection.destroy();
  }

  private async sendAll(...types: StreamType[]): Promise<void> {
    await Promise.all(types.map((type) => sendAll(this.streams.get(type)?.output)));
  }

  /** Takes a stream that the client opened; one that nobody asked for is reset. */
  private accept(stream: SpdyStream): void {
    const type = [...this.expected].find((name) => name === stream.headers.get('streamtype'));
    if (!type || this.streams.has(type)) {
      stream.reset(resetStatus.protocolError);
      return;
    }
    this.streams.set(type, stream);
    // Their other directions carry nothing, and must not hold up the connection if they do.
    if (type !== 'stdin' && type !== 'resize') stream.input.destroy();
    if (this.streams.size === this.expected.size) this.allHere();
  }
}

function expectedStreams(request: AttachStreamRequest, version: CommandVersion): StreamType[] {
  const types: StreamType[] = ['error'];
  if (request.stdin) types.push('stdin');
  if (request.stdout) types.push('stdout');
  if (request.stderr && !request.tty) types.push('stderr');
  if (request.tty && hasResize(version)) types.push('resize');
  return types;
}
