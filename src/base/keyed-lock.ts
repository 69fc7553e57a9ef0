import { abortError, throwIfAborted } from './abort';
import { currentJob, type Job, stage } from './stages';

interface Queue {
  /** The job that has the key, if it is one's. */
  holder: Job | undefined;
  readonly waiting: Array<() => void>;
}

/** Mutual exclusion per key, first come first served. A waiter that gives up leaves the queue. */
export class KeyedLock {
  private readonly queues = new Map<string, Queue>();

  /** `what` the keys are: a wait is told by it and the key. */
  constructor(private readonly what = 'lock') {}

  /** Waits for the key; dispose of what it gives to let the next one in. */
  async acquire(key: string, signal?: AbortSignal): Promise<Disposable> {
    throwIfAborted(signal, 'lock', key);
    const queue = this.queues.get(key);
    if (!queue) {
      this.queues.set(key, { holder: currentJob(), waiting: [] });
    } else {
      const waitsFor = () => queue.holder;
      await stage(`waiting for the lock of ${this.what}`, () => turn(queue, key, signal), { object: key, waitsFor });
      queue.holder = currentJob();
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
    const queue = this.queues.get(key);
    const next = queue?.waiting.shift();
    if (queue) queue.holder = undefined;
    if (next) next();
    else this.queues.delete(key);
  }
}

/** Resolves when it is this waiter's turn. */
function turn({ waiting }: Queue, key: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const enter = () => {
      signal?.removeEventListener('abort', leave);
      resolve();
    };
    const leave = () => {
      waiting.splice(waiting.indexOf(enter), 1);
      if (signal) reject(abortError(signal, 'lock', key));
    };
    waiting.push(enter);
    signal?.addEventListener('abort', leave, { once: true });
  });
}
