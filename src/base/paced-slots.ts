import { throwIfAborted } from './abort';
import { WaitingLine } from './waiting-line';

/** How often is looked whether the processors idle while somebody waits. */
const lookMs = 50;

/**
 * Slots for work that keeps processors busy: programs that are started by the hundred at once get into each other's way
 * and cost more, all of them together. As many hold one as there are slots, first come first served, and more for as long
 * as processors idle: then those that hold one wait for something else. A waiter whose signal is aborted leaves the queue.
 */
export class PacedSlots {
  private readonly line: WaitingLine;
  private running = 0;
  private looking: NodeJS.Timeout | undefined;
  private idleBefore = 0;

  constructor(
    private readonly slots: number,
    /** How long the processors have idled so far, in milliseconds, all of them together. */
    private readonly idleTime: () => number,
    /** What the slots are for: a wait is told by it. */
    what = 'work',
  ) {
    this.line = new WaitingLine(what);
  }

  /** How many wait for a slot. */
  get waiting(): number {
    return this.line.length;
  }

  /** Runs the function in a slot. */
  async with<T>(signal: AbortSignal | undefined, fn: () => Promise<T>): Promise<T> {
    throwIfAborted(signal, 'wait for a slot');
    if (this.running < this.slots) {
      this.running++;
    } else {
      this.look();
      await this.line.wait(signal);
    }
    try {
      return await fn();
    } finally {
      this.running--;
      this.admit(this.slots - this.running);
    }
  }

  private admit(count: number): void {
    this.running += this.line.admit(count);
  }

  /** Looks at the processors again and again, as long as somebody waits. */
  private look(): void {
    if (this.looking) return;
    this.idleBefore = this.idleTime();
    this.looking = setInterval(() => {
      const idle = this.idleTime();
      this.admit(Math.floor((idle - this.idleBefore) / lookMs));
      this.idleBefore = idle;
      if (this.line.length > 0) return;
      clearInterval(this.looking);
      this.looking = undefined;
    }, lookMs).unref();
  }
}
