import { abortError, throwIfAborted } from './abort';

/** At most `slots` holders at once, first come first served. A waiter whose signal is aborted leaves the queue. */
export class Semaphore {
  private readonly waiting: Array<() => void> = [];
  private free: number;

  constructor(slots: number) {
    this.free = slots;
  }

  /** Runs the function in a slot. */
  async with<T>(signal: AbortSignal | undefined, fn: () => Promise<T>): Promise<T> {
    await this.enter(signal);
    try {
      return await fn();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
    }
  }

  private async enter(signal: AbortSignal | undefined): Promise<void> {
    throwIfAborted(signal, 'wait for a slot');
    if (this.free > 0) {
      this.free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.waiting.splice(this.waiting.indexOf(enter), 1);
        if (signal) reject(abortError(signal, 'wait for a slot'));
      };
      this.waiting.push(enter);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }
}
