import { BerthError, abortable, messageOf, type Log, type Semaphore } from '../../base';
import type { Layout } from '../layout';
import { removeStaging } from './stage';
import type { StorageKernel } from '../options';

/** What is being staged, shared by all who want it. */
interface Job<Staged> {
  readonly staged: Promise<Staged>;
  readonly dir: string;
  readonly controller: AbortController;
  users: number;
}

export interface StagingOptions<Source, Staged> {
  readonly kernel: StorageKernel;
  readonly layout: Layout;
  readonly log: Log;
  /** How many are staged at once; the pools of a storage share it. */
  readonly slots: Semaphore;
  /** What one source is staged under: a layer's chain id, a blob's digest. */
  readonly keyOf: (source: Source) => string;
  /** Fetches and checks one in the folder, which it makes. */
  readonly stage: (dir: string, source: Source, signal: AbortSignal) => Promise<Staged>;
}

/**
 * Layers, or blobs, that are being staged or wait to be committed. Each is fetched once, whoever asks; it is given
 * up, and its folder removed, when the last of those who wanted it lets go.
 */
export class StagingPool<Source, Staged> {
  private readonly jobs = new Map<string, Job<Staged>>();

  constructor(private readonly parts: StagingOptions<Source, Staged>) {}

  /**
   * Gives what was staged, and holds it until `release`, which every call needs, failed or not. A job of someone
   * else that fails is tried again from this caller's source: its credentials may be the better ones.
   */
  async acquire(source: Source, hold: StagingHold, signal: AbortSignal): Promise<Staged> {
    const key = this.parts.keyOf(source);
    for (;;) {
      const known = this.jobs.get(key);
      const job = known ?? this.start(key, source);
      job.users++;
      hold.add(() => this.release(key, job));
      try {
        return await abortable(job.staged, signal, 'stage a layer');
      } catch (error) {
        if (!known || signal.aborted) throw error;
      }
    }
  }

  private start(key: string, source: Source): Job<Staged> {
    const controller = new AbortController();
    const dir = this.parts.layout.newStaging();
    const { signal } = controller;
    const staged = this.parts.slots.with(signal, () => this.parts.stage(dir, source, signal));
    const job: Job<Staged> = { staged, dir, controller, users: 0 };
    this.jobs.set(key, job);
    // A job that failed is not joined any more; those who wait for it hear of it through their own wait.
    staged.catch(() => this.forget(key, job));
    return job;
  }

  private async release(key: string, job: Job<Staged>): Promise<void> {
    job.users--;
    if (job.users > 0) return;
    this.forget(key, job);
    const over = new BerthError('call-cancelled', { op: 'stage a layer', object: key, detail: 'nobody wants it' });
    job.controller.abort(over);
    await job.staged.catch((error: unknown) =>
      this.parts.log.debug({ err: error, key }, 'a staged layer was given up'),
    );
    await removeStaging(this.parts.kernel, job.dir);
  }

  private forget(key: string, job: Job<Staged>): void {
    if (this.jobs.get(key) === job) this.jobs.delete(key);
  }
}

/** What one addLayers or addArtifact holds of the pools: let go in full, past failures. */
export class StagingHold implements AsyncDisposable {
  private readonly releases: (() => Promise<void>)[] = [];

  constructor(private readonly log: Log) {}

  add(release: () => Promise<void>): void {
    this.releases.push(release);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.releases.splice(0).map((release) =>
        release().catch((error: unknown) => {
          // What stays is found and removed by cleanStaging at the next start.
          this.log.error({ err: error }, `a staged layer could not be removed: ${messageOf(error)}`);
        }),
      ),
    );
  }
}
