import { abortError } from './abort';

/** Those who wait for a slot, first come first served. A waiter whose signal is aborted leaves the line. */
export class WaitingLine {
  private readonly waiting: Array<() => void> = [];

  get length(): number {
    return this.waiting.length;
  }

  /** Resolves when this waiter is let in. */
  async wait(signal: AbortSignal | undefined): Promise<void> {
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

  /** Lets so many in, or as many as there are; gives how many. */
  admit(count: number): number {
    const admitted = this.waiting.splice(0, Math.max(0, count));
    for (const enter of admitted) enter();
    return admitted.length;
  }
}
