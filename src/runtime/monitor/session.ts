import { BerthError } from '../../base';
import { busyGreetingMs, expectWelcome, MonitorConnection, refusalError } from './connection';
import type { Frame } from './frames';
import type { ExecEnd, ExecOutput } from './monitor';
import { decodeError, decodeExit, encodeResize, frameType, stdinMax } from './protocol';

/** The one request of the connection: its answers carry this tag. */
const tag = 2;

/** What a session asks for in its first frame. */
export interface SessionRequest {
  readonly role: number;
  readonly type: number;
  readonly payload: Buffer;
  /** For errors: `container <id>`. */
  readonly object: string;
}

/** One process's streams over a connection of their own: STARTED, output, EXIT. What exec and attach have in common. */
export class StdioSession {
  readonly started: Promise<void>;
  readonly exit: Promise<ExecEnd>;
  private readonly connection: MonitorConnection;
  private markStarted: () => void = () => undefined;
  private failStart: (error: unknown) => void = () => undefined;
  private givenUp: BerthError | undefined;
  private ended = false;

  constructor(
    socketPath: string,
    private readonly request: SessionRequest,
    private readonly output: ExecOutput,
  ) {
    this.started = new Promise((resolve, reject) => {
      this.markStarted = resolve;
      this.failStart = reject;
    });
    this.connection = MonitorConnection.open(socketPath, request.role);
    this.exit = this.run();
    // A caller that waits for one of the two is not to be punished for the other.
    this.started.catch(() => undefined);
    this.exit.catch(() => undefined);
  }

  async writeStdin(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; at += stdinMax) {
      await this.send(frameType.stdin, data.subarray(at, at + stdinMax));
    }
  }

  async closeStdin(): Promise<void> {
    await this.send(frameType.stdinEof);
  }

  async resize(width: number, height: number): Promise<void> {
    await this.send(frameType.resize, encodeResize(width, height));
  }

  /** Closes the connection; whoever still waits for the session gets this error. */
  giveUp(detail: string): void {
    this.givenUp ??= new BerthError('call-cancelled', {
      op: 'talk to the monitor',
      object: this.request.object,
      detail,
    });
    this.connection.destroy();
  }

  /** What is sent to a process that has ended is lost, as with a pipe: that is no error of the session. */
  private async send(type: number, payload?: Uint8Array): Promise<void> {
    if (this.ended) return;
    try {
      await this.connection.send(type, tag, payload);
    } catch (error) {
      if (!this.ended) throw this.givenUp ?? error;
    }
  }

  private async run(): Promise<ExecEnd> {
    try {
      const sent = this.connection.send(this.request.type, tag, this.request.payload);
      sent.catch(() => undefined);
      const frames = this.connection.frames();
      await expectWelcome(this.connection, frames, undefined, busyGreetingMs);
      await sent;
      return await this.follow(frames);
    } catch (error) {
      const told = this.givenUp ?? error;
      this.failStart(told);
      throw told;
    } finally {
      this.connection.destroy();
    }
  }

  private async follow(frames: AsyncGenerator<Frame>): Promise<ExecEnd> {
    for await (const frame of frames) {
      switch (frame.type) {
        case frameType.started:
          this.markStarted();
          break;
        case frameType.stdout:
          await this.output.stdout(frame.payload);
          break;
        case frameType.stderr:
          await this.output.stderr(frame.payload);
          break;
        case frameType.exit:
          // A deadline that passes before the process runs gives an end without a start.
          this.markStarted();
          this.ended = true;
          return decodeExit(frame.payload);
        case frameType.error:
          throw refusalError(decodeError(frame.payload), this.request.object);
        default:
          throw this.connection.lost(new Error(`it sent a frame of type ${frame.type}`));
      }
    }
    throw this.connection.lost();
  }
}
