import { abortError } from './abort';
import { stage } from './stages';

/** Those who wait for a slot, first come first served. A waiter whose signal is aborted leaves the line. */
export class WaitingLine {
  private readonly waiting: Array<() => void> = [];

  /** What the slots are for: a wait is told by it. */
  constructor(private readonly what: string) {}

  get length(): number {
    return this.waiting.length;
  }

  /** Resolves when this waiter is let in. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    return stage(`waiting for a slot: ${this.what}`, () => this.turn(signal));
  }

  private turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
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

  /** Lets so many in, or as many as there are; gives how many. */
  admit(count: number): number {
    const admitted = this.waiting.splice(0, Math.max(0, count));
    for (const enter of admitted) enter();
    return admitted.length;
  }
}
