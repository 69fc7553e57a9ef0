import { BerthError } from '../../base';
import { expectWelcome, MonitorConnection, refusalError } from './connection';
import type { Frame } from './frames';
import type { ExecEnd, ExecOutput, ExecSession, MonitorExec } from './monitor';
import { decodeError, decodeExit, encodeExec, encodeResize, frameType, role, stdinMax } from './protocol';

/** The one request of the connection: its answers carry this tag. */
const tag = 2;

/** Runs a process beside a container's init, on a connection of its own. */
export function startExec(
  socketPath: string,
  containerId: string,
  request: MonitorExec,
  output: ExecOutput,
): ExecSession {
  return new MonitorExecSession(socketPath, containerId, request, output);
}

class MonitorExecSession implements ExecSession {
  readonly started: Promise<void>;
  readonly end: Promise<ExecEnd>;
  private readonly connection: MonitorConnection;
  private markStarted: () => void = () => undefined;
  private failStart: (error: unknown) => void = () => undefined;
  private killed = false;
  private ended = false;

  constructor(
    socketPath: string,
    private readonly containerId: string,
    request: MonitorExec,
    private readonly output: ExecOutput,
  ) {
    this.started = new Promise((resolve, reject) => {
      this.markStarted = resolve;
      this.failStart = reject;
    });
    this.connection = MonitorConnection.open(socketPath, role.exec);
    this.end = this.run(request);
    // A caller that waits for one of the two is not to be punished for the other.
    this.started.catch(() => undefined);
    this.end.catch(() => undefined);
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

  kill(): void {
    this.killed = true;
    this.connection.destroy();
  }

  /** What is sent to a process that has ended is lost, as with a pipe: that is no error of the session. */
  private async send(type: number, payload?: Uint8Array): Promise<void> {
    if (this.ended) return;
    try {
      await this.connection.send(type, tag, payload);
    } catch (error) {
      if (!this.ended) throw error;
    }
  }

  private async run(request: MonitorExec): Promise<ExecEnd> {
    try {
      const sent = this.connection.send(frameType.exec, tag, encodeExec(request));
      sent.catch(() => undefined);
      const frames = this.connection.frames();
      await expectWelcome(this.connection, frames);
      await sent;
      return await this.follow(frames);
    } catch (error) {
      const told = this.killed ? this.killedError(error) : error;
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
          throw refusalError(decodeError(frame.payload), `container ${this.containerId}`);
        default:
          throw this.connection.lost(new Error(`it sent a frame of type ${frame.type}`));
      }
    }
    throw this.connection.lost();
  }

  private killedError(cause: unknown): BerthError {
    return new BerthError('call-cancelled', {
      op: 'exec',
      object: `container ${this.containerId}`,
      detail: 'its caller gave up; the process and all that it started are killed',
      cause,
    });
  }
}
