import { throwIfAborted } from './abort';
import { WaitingLine } from './waiting-line';

/** At most `slots` holders at once, first come first served. A waiter whose signal is aborted leaves the queue. */
export class Semaphore {
  private readonly line: WaitingLine;
  private free: number;

  constructor(
    slots: number,
    /** What the slots are for: a wait is told by it. */
    what = 'work',
  ) {
    this.line = new WaitingLine(what);
    this.free = slots;
  }

  /** How many wait for a slot. */
  get waiting(): number {
    return this.line.length;
  }

  /** Runs the function in a slot. */
  async with<T>(signal: AbortSignal | undefined, fn: () => Promise<T>): Promise<T> {
    throwIfAborted(signal, 'wait for a slot');
    if (this.free > 0) this.free--;
    else await this.line.wait(signal);
    try {
      return await fn();
    } finally {
      // The slot is handed on, or is free.
      if (this.line.admit(1) === 0) this.free++;
    }
  }
}
