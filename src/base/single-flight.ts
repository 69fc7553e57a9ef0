import { setMaxListeners } from 'node:events';
import { abortable } from './abort';
import { currentJob, type Job, joining, stage } from './stages';

interface Flight<T> {
  readonly running: Promise<T>;
  /** The job that began it. */
  readonly of: Job | undefined;
}

/**
 * One job per key: equal calls join the job that runs. The job outlives a caller that gives up (promise 1): it gets
 * a signal of its own, which is aborted only by `abortAll`.
 */
export class SingleFlight<T> {
  private readonly jobs = new Map<string, Flight<T>>();
  private readonly controller = new AbortController();

  /** `what` is done: those who join wait for it. */
  constructor(private readonly what = 'work') {
    // One signal for a burst of jobs: many listeners are no leak.
    setMaxListeners(0, this.controller.signal);
  }

  /** Joins the job of this key, or starts it. The caller's signal ends the caller's wait, not the job. */
  async run(key: string, job: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const joined = this.jobs.get(key);
    const wait = (flight: Flight<T>) => abortable(flight.running, signal, key);
    if (joined) return joining(this.what, joined.of, () => wait(joined));
    // A stage of the first caller's: what it no longer waits for is still its.
    const running = stage(this.what, () => job(this.controller.signal)).finally(() => this.jobs.delete(key));
    // A job whose callers have all left must not end the process by its rejection.
    running.catch(() => undefined);
    const flight = { running, of: currentJob() };
    this.jobs.set(key, flight);
    return wait(flight);
  }

  /** Keys of the jobs that run. */
  keys(): string[] {
    return [...this.jobs.keys()];
  }

  /** Aborts every job and waits for them to settle. */
  async abortAll(reason: unknown): Promise<void> {
    this.controller.abort(reason);
    await Promise.allSettled([...this.jobs.values()].map(({ running }) => running));
  }
}
