import { abortError, throwIfAborted } from './abort';

/** Mutual exclusion per key, first come first served. A waiter that gives up leaves the queue. */
export class KeyedLock {
  private readonly queues = new Map<string, Array<() => void>>();

  /** Waits for the key; dispose of what it gives to let the next one in. */
  async acquire(key: string, signal?: AbortSignal): Promise<Disposable> {
    throwIfAborted(signal, 'lock', key);
    const queue = this.queues.get(key);
    if (!queue) {
      this.queues.set(key, []);
    } else {
      await new Promise<void>((resolve, reject) => {
        const enter = () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        };
        const leave = () => {
          queue.splice(queue.indexOf(enter), 1);
          if (signal) reject(abortError(signal, 'lock', key));
        };
        queue.push(enter);
        signal?.addEventListener('abort', leave, { once: true });
      });
    }
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (held) this.release(key);
        held = false;
      },
    };
  }

  /** Runs the function while the key is held. */
  async with<T>(key: string, signal: AbortSignal | undefined, fn: () => Promise<T>): Promise<T> {
    using _held = await this.acquire(key, signal);
    return await fn();
  }

  /** Keys that are held now. */
  get size(): number {
    return this.queues.size;
  }

  private release(key: string): void {
    const next = this.queues.get(key)?.shift();
    if (next) next();
    else this.queues.delete(key);
  }
}
