import type { Log } from './log';
import { messageOf } from './errors/berth-error';

/** One step to take back: runs under a signal of its own, never under the one that was cancelled. */
export type Undo = (signal: AbortSignal) => Promise<void>;

/**
 * What has been acquired so far and how to give it back, in reverse. Each acquisition registers its undo on the
 * next line; `commit` keeps everything. Undo runs in full: a step that fails is logged and the next one runs
 * (promise 8); what could not be undone is reported to the caller's record by `failed`.
 */
export class UndoScope implements AsyncDisposable {
  private readonly steps: { what: string; undo: Undo }[] = [];
  private committed = false;
  /** The steps that failed, in the order in which they were tried. */
  readonly failed: string[] = [];

  constructor(
    private readonly log: Log,
    /** Time for each step, in milliseconds. */
    private readonly stepTimeoutMs = 30_000,
  ) {}

  /** Registers how to take back what was just done. */
  add(what: string, undo: Undo): void {
    this.steps.push({ what, undo });
  }

  /** Keeps everything: nothing is undone any more. */
  commit(): void {
    this.committed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.committed) await this.rollback();
  }

  /** Takes everything back, newest first. Never throws; see `failed`. */
  async rollback(): Promise<void> {
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      try {
        await step.undo(AbortSignal.timeout(this.stepTimeoutMs));
      } catch (error) {
        this.failed.push(step.what);
        this.log.error({ err: error, step: step.what }, `undo failed: ${step.what}: ${messageOf(error)}`);
      }
    }
  }
}
