import { pause } from '../base';

/** A stop that runs: its deadline can be brought forward by a later call, never put off (CRI-O does the same). */
export class Deadline {
  private at: number;
  private wake = new AbortController();

  /** Milliseconds from now. */
  constructor(ms: number) {
    this.at = performance.now() + ms;
  }

  /** Brings the deadline forward, if that is what so many milliseconds from now are. */
  shorten(ms: number): void {
    const at = performance.now() + ms;
    if (at >= this.at) return;
    this.at = at;
    this.wake.abort();
    this.wake = new AbortController();
  }

  /** Waits for the promise or the deadline; true if the promise came first. */
  async race(promise: Promise<unknown>): Promise<boolean> {
    let done = false;
    const settled = promise.then(() => {
      done = true;
    });
    while (!done && performance.now() < this.at) {
      const { signal } = this.wake;
      const over = new AbortController();
      const timer = pause(this.at - performance.now(), AbortSignal.any([signal, over.signal])).catch(
        (error: unknown) => {
          // Woken by a nearer deadline, or because the promise settled: the loop looks again.
          if (!signal.aborted && !over.signal.aborted) throw error;
        },
      );
      await Promise.race([settled, timer]);
      over.abort();
    }
    return done;
  }
}
