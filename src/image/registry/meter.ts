import { BerthError } from '../../base';

/** So little counts as nothing: a registry that drips a byte a second makes no progress. Bytes. */
const leastProgress = 64 * 1024;

/**
 * Watches what one pull gets from one endpoint. Time counts only while something is awaited from the network: neither a
 * slow disk nor a wait that the registry asked for is its fault.
 */
export class Meter {
  private readonly controller = new AbortController();
  private awaited = 0;
  /** When the waiting that still goes on began; milliseconds of a monotonic clock. */
  private since = 0;
  /** Waited since the last progress. */
  private waitedMs = 0;
  private bytes = 0;
  private timer: NodeJS.Timeout | undefined;

  /** Without a limit (0) it never gives up. Milliseconds. */
  constructor(
    private readonly host: string,
    private readonly limitMs: number,
  ) {}

  /** Aborted, with the error as its reason, when too little came for too long. */
  get stalled(): AbortSignal {
    return this.controller.signal;
  }

  /** Settles as the promise does; until then the endpoint is waited for. */
  async await<T>(answer: Promise<T>): Promise<T> {
    if (this.awaited++ === 0) this.start();
    try {
      return await answer;
    } finally {
      if (--this.awaited === 0) this.stop();
    }
  }

  /** So many bytes have come. */
  count(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes < leastProgress) return;
    this.bytes = 0;
    this.waitedMs = 0;
    if (this.awaited === 0) return;
    clearTimeout(this.timer);
    this.start();
  }

  private start(): void {
    this.since = performance.now();
    if (this.limitMs === 0) return;
    this.timer = setTimeout(() => this.giveUp(), this.limitMs - this.waitedMs);
    this.timer.unref();
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.waitedMs += performance.now() - this.since;
  }

  private giveUp(): void {
    const { host, bytes, limitMs } = this;
    this.controller.abort(
      new BerthError('registry-unreachable', {
        op: 'fetch',
        object: host,
        detail: `it made no progress: ${bytes} bytes came in ${limitMs / 1000} s of waiting`,
        remedy: 'check the network and the registry; image.pull_progress_timeout sets the patience',
      }),
    );
  }
}
