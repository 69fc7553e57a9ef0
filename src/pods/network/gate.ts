import { abortable, stage } from '../../base';

/**
 * Keeps CNI GC apart from ADD and DEL (CNI spec, GC): any number of those run at once, and GC when none does. While it runs
 * they wait; it itself waits for a moment without them and holds none of them up before.
 */
export class Gate {
  private inside = 0;
  private alone: Promise<unknown> | undefined;
  private readonly waiting: (() => void)[] = [];

  /** Runs what may run beside others of its kind. */
  async shared<T>(signal: AbortSignal | undefined, fn: () => Promise<T>): Promise<T> {
    const wait = (alone: Promise<unknown>) => abortable(alone, signal, 'wait for CNI GC');
    while (this.alone) {
      const { alone } = this;
      await stage('waiting for CNI GC', () => wait(alone));
    }
    this.inside++;
    try {
      return await fn();
    } finally {
      this.inside--;
      this.wake();
    }
  }

  /** Runs what must be alone. */
  async exclusive(fn: () => Promise<void>): Promise<void> {
    while (this.inside > 0 || this.alone) await new Promise<void>((resolve) => this.waiting.push(resolve));
    const running = fn();
    this.alone = running.catch(() => undefined);
    try {
      await running;
    } finally {
      this.alone = undefined;
      this.wake();
    }
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
