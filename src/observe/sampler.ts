import { type Log, messageOf } from '../base';

export interface SamplerOptions {
  /** What is sampled, for the log. */
  readonly what: string;
  /** A sample that is older in milliseconds is old. */
  readonly ageMs: number;
  readonly take: () => Promise<void>;
  readonly log: Log;
  readonly closing: AbortSignal;
}

/** Takes samples in the background, one at a time: who asks has what the last one found. */
export class Sampler {
  private takenAt = -Infinity;
  private taking = false;

  constructor(private readonly options: SamplerOptions) {}

  /** Somebody asks: has the next sample taken, if the last is old. */
  asked(): void {
    if (performance.now() - this.takenAt > this.options.ageMs) void this.take();
  }

  /** Takes a sample, unless that is being done. Never rejects: a failure is told in the log. */
  async take(): Promise<void> {
    const { what, take, log, closing } = this.options;
    if (this.taking || closing.aborted) return;
    this.taking = true;
    try {
      await take();
    } catch (error) {
      if (!closing.aborted) log.warn({ err: error }, `${what}: ${messageOf(error)}`);
    } finally {
      this.takenAt = performance.now();
      this.taking = false;
    }
  }
}
