import { status } from '@grpc/grpc-js';
import { abortable, beginJob, BerthError, endJob, inJob, type Job, type Log, slowFields } from '../base';
import { idsOf } from './call-ids';
import { callSignal, type WaitedFor } from './call-signal';
import type { CallObserver } from '../observe';
import { traceOf, type WithMetadata } from './trace-headers';
import { kubeletReason, statusOf, type FailedStatus } from './grpc-status';

/** Whether calls can be answered, and if not, what they are told. */
export type Readiness = 'starting' | 'ready' | 'stopping';

/** What the wrapper knows of an RPC. */
export interface RpcFacts {
  /** The name in CRI: `RunPodSandbox`. */
  readonly name: string;
  /** `runtime.v1.RuntimeService`. */
  readonly service: string;
  /** Reads are asked for every second: they are logged at debug. */
  readonly kind: 'read' | 'change';
  /** Also answered while berthd starts or stops. */
  readonly always?: boolean;
  /** It has no end of its own: a stop of berthd ends it at once, and it waits for a start that is not over. */
  readonly endless?: boolean;
}

/** What a handler gets beside its request. */
export interface Call {
  readonly op: string;
  /** Aborted when the caller gives up or its deadline passes. */
  readonly signal: AbortSignal;
  /** Adds to what the log says of this call when it is over. */
  note(message: object): void;
  /** Aborts `signal` with an error, which ends the call whatever it waits for. */
  end(error: BerthError): void;
}

export type Outcome<T> =
  { readonly kind: 'answered'; readonly value: T } | { readonly kind: 'failed'; readonly status: FailedStatus };

/** The one wrapper around every call: readiness, cancellation, log and status. */
export class Instrument {
  private state: Readiness = 'starting';
  /** Ends each call that has no end of its own. */
  private readonly endless = new Set<(reason: BerthError) => void>();
  private leaveStart: () => void = () => undefined;
  private readonly started = new Promise<void>((resolve) => (this.leaveStart = resolve));

  constructor(
    private readonly log: Log,
    private readonly calls?: CallObserver,
  ) {}

  get readiness(): Readiness {
    return this.state;
  }

  /** From now on calls are answered. */
  ready(): void {
    this.state = 'ready';
    this.leaveStart();
  }

  /** From now on calls are refused, and those without an end of their own are ended. */
  stop(): void {
    this.state = 'stopping';
    for (const end of this.endless) end(stoppingError());
  }

  /** Runs one call to its outcome. Never rejects. */
  async run<Request extends object, T>(
    rpc: RpcFacts,
    incoming: WaitedFor & WithMetadata,
    read: () => Request,
    work: (request: Request, call: Call) => T | Promise<T>,
  ): Promise<Outcome<T>> {
    const job = beginJob({ ...rpc, trace: traceOf(incoming) });
    const note = (message: object) => job.note(idsOf(message));
    using waiting = callSignal(incoming);
    const { signal, end } = waiting;
    if (rpc.endless) this.endless.add(end);
    this.calls?.began(rpc.name);
    try {
      const request = read();
      note(request);
      // A kubelet gives up on events for good after a few failures, however soon they follow each other.
      if (rpc.endless && this.state === 'starting') await abortable(this.started, signal, rpc.name);
      if (!rpc.always) this.refuseUnlessReady(rpc.name);
      const call = { op: rpc.name, signal, note, end };
      const value = await inJob(job, () => work(request, call));
      endJob(job, { code: status.OK });
      this.calls?.ended(rpc.name, 'OK', job.ageMs / 1000);
      this.logAnswer(rpc, job);
      return { kind: 'answered', value };
    } catch (error) {
      const failed = statusOf(error, rpc.name);
      endJob(job, { code: failed.code, error: failed.details });
      this.calls?.ended(rpc.name, status[failed.code], job.ageMs / 1000);
      this.logFailure(rpc, job, failed, error);
      return { kind: 'failed', status: failed };
    } finally {
      this.endless.delete(end);
    }
  }

  private refuseUnlessReady(op: string): void {
    switch (this.state) {
      case 'ready':
        return;
      case 'starting':
        throw new BerthError('daemon-starting', { op, detail: 'berthd is starting' });
      case 'stopping':
        throw stoppingError(op);
      default:
        this.state satisfies never;
    }
  }

  private logAnswer(rpc: RpcFacts, job: Job): void {
    const fields = fieldsOf(rpc, job, 'OK');
    if (job.slow) this.log.warn(fields, `${rpc.name}, slow`);
    else if (rpc.kind === 'read') this.log.debug(fields, rpc.name);
    else this.log.info(fields, rpc.name);
  }

  private logFailure(rpc: RpcFacts, job: Job, failed: FailedStatus, error: unknown): void {
    const fields = fieldsOf(rpc, job, status[failed.code]);
    const text = `${rpc.name}: ${failed.details}`;
    // UNKNOWN only because the kubelet wants it so.
    if (kubeletReason(error, rpc.name) !== undefined) return this.log.warn(fields, text);
    switch (failed.code) {
      case status.INTERNAL:
      case status.UNKNOWN:
      case status.DATA_LOSS:
        return this.log.error({ ...fields, err: error }, text);
      // What a poll of the kubelet meets again and again is no news.
      case status.UNIMPLEMENTED:
      case status.NOT_FOUND:
        return job.slow ? this.log.warn(fields, text) : this.log.debug(fields, text);
      default:
        return this.log.warn(fields, text);
    }
  }
}

function stoppingError(op?: string): BerthError {
  return new BerthError('daemon-stopping', { op: op ?? 'call', detail: 'berthd is stopping' });
}

/** The one line of a call: with how long each stage took, if it was slow. */
function fieldsOf(rpc: RpcFacts, job: Job, code: string | undefined): object {
  const ms = Math.round(job.ageMs * 10) / 10;
  return { job: job.id, rpc: rpc.name, ms, code, ...job.ids, ...slowFields(job) };
}
