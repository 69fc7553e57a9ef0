import { abortable, BerthError } from '../../base';
import type { ProcessIdentity } from '../../kernel';
import { startAttach } from './attach-session';
import { expectWelcome, MonitorConnection, refusalError } from './connection';
import { startExec } from './exec-session';
import type { Frame } from './frames';
import type {
  AttachSession,
  ExecOutput,
  ExecSession,
  Monitor,
  MonitorAttach,
  MonitorExec,
  MonitorState,
} from './monitor';
import { decodeError, decodeReopened, decodeSignaled, decodeState, encodeSignal, frameType, role } from './protocol';
import { runtimeError } from './runtime-error';

export interface ConnectOptions {
  readonly signal?: AbortSignal;
}

/** An answer that somebody waits for. */
interface Waiter {
  resolve(frame: Frame): void;
  reject(error: Error): void;
}

/**
 * Connects to a container's monitor. Rejects `monitor-lost` if none listens there: then the exit record, if there is
 * one, says how the container ended.
 */
export async function connectMonitor(socketPath: string, options: ConnectOptions = {}): Promise<Monitor> {
  const connection = MonitorConnection.open(socketPath, role.control);
  try {
    const frames = connection.frames();
    const welcome = await expectWelcome(connection, frames, options.signal);
    return new MonitorClient(connection, frames, welcome.id, welcome.state);
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

class MonitorClient implements Monitor {
  readonly closed: Promise<Error | undefined>;
  private readonly listeners = new Set<(state: MonitorState) => void>();
  private readonly waiters = new Map<number, Waiter>();
  private lastTag = 1;
  private letGo = false;

  constructor(
    private readonly connection: MonitorConnection,
    frames: AsyncGenerator<Frame>,
    private readonly id: string,
    private current: MonitorState,
  ) {
    this.closed = this.follow(frames);
    this.leaveIfFailed();
  }

  get state(): MonitorState {
    return this.current;
  }

  onState(listener: (state: MonitorState) => void): Disposable {
    this.listeners.add(listener);
    return { [Symbol.dispose]: () => void this.listeners.delete(listener) };
  }

  async created(signal?: AbortSignal): Promise<ProcessIdentity> {
    const init = await this.outcome(signal);
    if (init) return init;
    const detail = 'it has no process before its start restores it';
    throw new BerthError('container-state', { op: 'create', object: `container ${this.id}`, detail });
  }

  async prepared(signal?: AbortSignal): Promise<void> {
    await this.outcome(signal);
  }

  private async outcome(signal?: AbortSignal): Promise<ProcessIdentity | undefined> {
    const state = await abortable(this.settled(), signal, `create: container ${this.id}`);
    switch (state.kind) {
      case 'created':
      case 'running':
        return state.init;
      case 'failed':
        throw runtimeError('create', `container ${this.id}`, state.message);
      case 'exited':
        throw new BerthError('container-state', {
          op: 'create',
          object: `container ${this.id}`,
          detail: 'it has ended before it was started',
        });
      default:
        return state satisfies never;
    }
  }

  async start(signal?: AbortSignal): Promise<void> {
    await abortable(this.ask(frameType.start), signal, `start: container ${this.id}`);
  }

  async signal(signum: number): Promise<boolean> {
    return decodeSignaled((await this.ask(frameType.signal, encodeSignal(signum))).payload);
  }

  async reopenLog(signal?: AbortSignal): Promise<{ readonly inode: bigint; readonly size: bigint }> {
    const answer = await abortable(this.ask(frameType.reopen), signal, `reopen the log: container ${this.id}`);
    return decodeReopened(answer.payload);
  }

  exec(request: MonitorExec, output: ExecOutput): ExecSession {
    return startExec(this.connection.path, this.id, request, output);
  }

  attach(request: MonitorAttach, output: ExecOutput): AttachSession {
    return startAttach(this.connection.path, this.id, request, output);
  }

  async release(): Promise<void> {
    await this.ask(frameType.release);
    this.close();
  }

  close(): void {
    this.letGo = true;
    this.connection.destroy();
  }

  /** The first state that is not `creating`. */
  private async settled(): Promise<Exclude<MonitorState, { kind: 'creating' }>> {
    const now = this.current;
    if (now.kind !== 'creating') return now;
    return new Promise((resolve, reject) => {
      const listening = this.onState((state) => {
        if (state.kind === 'creating') return;
        listening[Symbol.dispose]();
        resolve(state);
      });
      void this.closed.then((error) => reject(error ?? this.connection.lost()));
    });
  }

  private async ask(type: number, payload?: Buffer): Promise<Frame> {
    const tag = ++this.lastTag;
    const answer = new Promise<Frame>((resolve, reject) => this.waiters.set(tag, { resolve, reject }));
    // The connection's end rejects it too; whichever is first counts.
    answer.catch(() => undefined);
    if (this.letGo) throw this.connection.lost();
    await this.connection.send(type, tag, payload);
    return answer;
  }

  /** Reads until the connection ends; gives why, unless that was to be expected. */
  private async follow(frames: AsyncGenerator<Frame>): Promise<Error | undefined> {
    let end: Error = this.connection.lost();
    try {
      for await (const frame of frames) this.take(frame);
    } catch (error) {
      end = error instanceof Error ? error : this.connection.lost(error);
    }
    this.connection.destroy();
    const expected = this.letGo || this.current.kind === 'exited' || this.current.kind === 'failed';
    this.letGo = true;
    for (const waiter of this.waiters.values()) waiter.reject(end);
    this.waiters.clear();
    return expected ? undefined : end;
  }

  private take(frame: Frame): void {
    if (frame.type === frameType.state) {
      this.current = decodeState(frame.payload);
      for (const listener of [...this.listeners]) listener(this.current);
      this.leaveIfFailed();
      return;
    }
    const waiter = this.waiters.get(frame.tag);
    this.waiters.delete(frame.tag);
    if (frame.type === frameType.error) {
      const error = refusalError(decodeError(frame.payload), `container ${this.id}`);
      if (!waiter) throw error;
      waiter.reject(error);
      return;
    }
    waiter?.resolve(frame);
  }

  /** Nothing follows a create that failed: its monitor stays only until its message has been taken. */
  private leaveIfFailed(): void {
    if (this.current.kind === 'failed') this.close();
  }
}
