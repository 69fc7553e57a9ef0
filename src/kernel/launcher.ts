import {
  abortError,
  type Decoder,
  Encoder,
  type Log,
  messageOf,
  Observations,
  outsideJobs,
  pause,
  stage,
  throwIfAborted,
} from '../base';
import { lostError, type Subject } from './errors';
import type { LauncherRequest } from './kernel';
import type { LauncherConnection } from './launcher-connection';
import { Op, opName, type OpNumber } from './protocol/ops';

/** Milliseconds for which the end of a killed program is awaited before its caller is let go. */
const killGraceMs = 1000;
/** One that ends sooner after its start than this is not started again before somebody asks: no loop of crashes. */
const shortLifeMs = 1000;

/** The launcher as metrics show it. */
export interface LauncherHealth {
  /** It runs and takes requests. */
  readonly alive: boolean;
  /** Requests that it has not answered yet. */
  readonly inFlight: number;
  /** How often it was started: more than once after it has died. */
  readonly starts: number;
}

/** The launcher, whichever process it is at the moment: one that dies is started again. */
export class Launcher {
  private connection: Promise<LauncherConnection> | undefined;
  /** The one that runs. */
  private running: LauncherConnection | undefined;
  private starts = 0;
  private closing = false;

  constructor(
    private readonly start: () => Promise<LauncherConnection>,
    private readonly log: Log,
    private readonly observations = new Observations(),
  ) {}

  health(): LauncherHealth {
    return { alive: this.running !== undefined, inFlight: this.running?.inFlight ?? 0, starts: this.starts };
  }

  /** The running launcher; starts one if there is none. Rejects with why it cannot be started. */
  async connect(): Promise<LauncherConnection> {
    if (this.closing) throw lostError({ op: 'start the launcher' }, 'this kernel is closed');
    this.connection ??= outsideJobs(() => this.open());
    return this.connection;
  }

  /** One operation. An aborted signal kills what runs for it; its end is awaited, for a moment, before this rejects. */
  call(op: OpNumber, subject: Subject, payload: Buffer, signal?: AbortSignal): Promise<Decoder> {
    const operation = { kind: 'launcher', operation: opName(op) } as const;
    const ask = () => this.observations.time(operation, () => this.ask(op, subject, payload, signal));
    return stage(`launcher: ${subject.op}`, ask, subject);
  }

  /** Requests that it has not answered yet, oldest first. */
  requests(): readonly LauncherRequest[] {
    return this.running?.requests() ?? [];
  }

  /** Ends the helpers and the launcher. */
  async close(): Promise<void> {
    this.closing = true;
    const connection = await this.connection?.catch(() => undefined);
    await connection?.end();
  }

  private async ask(op: OpNumber, subject: Subject, payload: Buffer, signal?: AbortSignal): Promise<Decoder> {
    throwIfAborted(signal, subject.op, subject.object);
    const connection = await this.connect();
    const { id, reply } = connection.request(op, subject, payload);
    if (!signal) return reply;
    let stop: () => void = () => undefined;
    const aborted = new Promise<'aborted'>((resolve) => {
      const listener = () => resolve('aborted');
      if (signal.aborted) listener();
      else signal.addEventListener('abort', listener, { once: true });
      stop = () => signal.removeEventListener('abort', listener);
    });
    try {
      const first = await Promise.race([reply, aborted]);
      if (first !== 'aborted') return first;
    } finally {
      stop();
    }
    await this.cancel(connection, id, reply);
    throw abortError(signal, subject.op, subject.object);
  }

  private async cancel(connection: LauncherConnection, id: number, reply: Promise<Decoder>): Promise<void> {
    const subject = { op: 'cancel' };
    const cancelled = connection.request(Op.cancel, subject, new Encoder().u32(id).finish()).reply;
    const [answer] = await Promise.all([
      Promise.allSettled([cancelled]),
      // Whether it ended or failed makes no difference to a caller that gave up.
      Promise.race([reply.catch(() => undefined), pause(killGraceMs)]),
    ]);
    if (answer[0].status === 'rejected') this.log.debug({ err: answer[0].reason as unknown }, 'cancel failed');
  }

  private async open(): Promise<LauncherConnection> {
    try {
      const connection = await this.start();
      this.running = connection;
      this.starts++;
      const since = performance.now();
      void connection.closed.then((reason) => this.restart(reason, performance.now() - since));
      return connection;
    } catch (error) {
      // The next request tries again.
      this.connection = undefined;
      throw error;
    }
  }

  private restart(reason: string, livedMs: number): void {
    this.connection = undefined;
    this.running = undefined;
    if (this.closing) return;
    this.log.error(`${reason}: it is started again`);
    if (livedMs < shortLifeMs) return;
    this.connect().catch((error: unknown) => this.log.error({ err: error }, `no launcher: ${messageOf(error)}`));
  }
}
