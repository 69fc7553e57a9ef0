import { abortable } from './abort';

/**
 * One job per key: equal calls join the job that runs. The job outlives a caller that gives up (promise 1): it gets
 * a signal of its own, which is aborted only by `abortAll`.
 */
export class SingleFlight<T> {
  private readonly jobs = new Map<string, Promise<T>>();
  private readonly controller = new AbortController();

  /** Joins the job of this key, or starts it. The caller's signal ends the caller's wait, not the job. */
  async run(key: string, job: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    let running = this.jobs.get(key);
    if (!running) {
      running = job(this.controller.signal).finally(() => this.jobs.delete(key));
      // A job whose callers have all left must not end the process by its rejection.
      running.catch(() => undefined);
      this.jobs.set(key, running);
    }
    return abortable(running, signal, key);
  }

  /** Keys of the jobs that run. */
  keys(): string[] {
    return [...this.jobs.keys()];
  }

  /** Aborts every job and waits for them to settle. */
  async abortAll(reason: unknown): Promise<void> {
    this.controller.abort(reason);
    await Promise.allSettled(this.jobs.values());
  }
}
