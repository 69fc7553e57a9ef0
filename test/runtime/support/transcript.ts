import type { ExecOutput } from '../../../src/runtime';

/** What a session has put out so far, and a way to wait for more. */
export class Transcript implements ExecOutput {
  private readonly chunks: { readonly stream: 'stdout' | 'stderr'; readonly data: Buffer }[] = [];
  private readonly waiting = new Set<() => void>();

  stdout(data: Buffer): void {
    this.take('stdout', data);
  }

  stderr(data: Buffer): void {
    this.take('stderr', data);
  }

  /** All of one stream, or of both in the order of arrival. */
  bytes(stream?: 'stdout' | 'stderr'): Buffer {
    return Buffer.concat(this.chunks.filter((c) => stream === undefined || c.stream === stream).map((c) => c.data));
  }

  text(stream?: 'stdout' | 'stderr'): string {
    return this.bytes(stream).toString();
  }

  /** Resolves when the text has come. */
  async has(text: string): Promise<void> {
    const timeout = AbortSignal.timeout(15_000);
    while (!this.text().includes(text)) {
      if (timeout.aborted) throw new Error(`${JSON.stringify(text)} has not come, but ${JSON.stringify(this.text())}`);
      await new Promise<void>((resolve) => {
        this.waiting.add(resolve);
        timeout.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  private take(stream: 'stdout' | 'stderr', data: Buffer): void {
    this.chunks.push({ stream, data });
    for (const wake of this.waiting) wake();
    this.waiting.clear();
  }
}
