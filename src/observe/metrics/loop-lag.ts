import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Seconds by which the event loop was late. */
export interface LoopLag {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Milliseconds between two looks: a timer of libuv's that runs no JavaScript. */
const resolutionMs = 50;
/** Several who scrape at about the same time all get the figures of the whole time before. Milliseconds. */
const leastWindowMs = 5_000;

/** How late the event loop was, in the time from one question to the next. */
export class LoopLagWindow implements Disposable {
  private readonly histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  private window: LoopLag = { p50: 0, p99: 0, max: 0 };
  private since = -Infinity;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.histogram.enable();
  }

  read(): LoopLag {
    if (this.now() - this.since < leastWindowMs) return this.window;
    const { histogram } = this;
    if (histogram.count > 0) {
      this.window = {
        p50: lag(histogram.percentile(50)),
        p99: lag(histogram.percentile(99)),
        max: lag(histogram.max),
      };
      histogram.reset();
      this.since = this.now();
    }
    return this.window;
  }

  [Symbol.dispose](): void {
    this.histogram.disable();
  }
}

/** What is told is the nanoseconds from one look to the next. */
function lag(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - resolutionMs / 1e3);
}
