import { BerthError, Semaphore, abortable, messageOf, type Log } from '../../base';
import type { Layout } from '../layout';
import type { LayerSource } from '../storage';
import { removeStaging, stageLayer, type StagedLayer } from './stage';
import type { Unpacker } from './unpacker';
import type { StorageKernel } from '../options';

/** A layer on its way, shared by all who want it. */
interface Job {
  readonly staged: Promise<StagedLayer>;
  readonly dir: string;
  readonly controller: AbortController;
  users: number;
}

/**
 * Layers that are being staged or wait to be committed, by chain id. Each is fetched once, whoever asks; it is given
 * up, and its folder removed, when the last of those who wanted it lets go.
 */
export class StagingPool {
  private readonly jobs = new Map<string, Job>();
  private readonly slots: Semaphore;

  constructor(
    private readonly parts: {
      readonly kernel: StorageKernel;
      readonly layout: Layout;
      readonly unpacker: Unpacker;
      readonly log: Log;
    },
    concurrency: number,
  ) {
    this.slots = new Semaphore(concurrency);
  }

  /**
   * Gives the staged layer, and holds it until `release`, which every call needs, failed or not. A job of someone
   * else that fails is tried again from this caller's source: its credentials may be the better ones.
   */
  async acquire(source: LayerSource, hold: LayerHold, signal: AbortSignal): Promise<StagedLayer> {
    for (;;) {
      const known = this.jobs.get(source.chainId);
      const job = known ?? this.start(source);
      job.users++;
      hold.add(() => this.release(source.chainId, job));
      try {
        return await abortable(job.staged, signal, 'unpack a layer');
      } catch (error) {
        if (!known || signal.aborted) throw error;
      }
    }
  }

  private start(source: LayerSource): Job {
    const controller = new AbortController();
    const dir = this.parts.layout.newStaging();
    const { signal } = controller;
    const staged = this.slots.with(signal, () => stageLayer(this.parts.unpacker, dir, source, signal));
    const job: Job = { staged, dir, controller, users: 0 };
    this.jobs.set(source.chainId, job);
    // A job that failed is not joined any more; those who wait for it hear of it through their own wait.
    staged.catch(() => this.forget(source.chainId, job));
    return job;
  }

  private async release(chainId: string, job: Job): Promise<void> {
    job.users--;
    if (job.users > 0) return;
    this.forget(chainId, job);
    const over = new BerthError('call-cancelled', { op: 'unpack a layer', object: chainId, detail: 'nobody wants it' });
    job.controller.abort(over);
    await job.staged.catch((error: unknown) =>
      this.parts.log.debug({ err: error, chainId }, 'a staged layer was given up'),
    );
    await removeStaging(this.parts.kernel, job.dir);
  }

  private forget(chainId: string, job: Job): void {
    if (this.jobs.get(chainId) === job) this.jobs.delete(chainId);
  }
}

/** What one addLayers holds of the pool: let go in full, past failures. */
export class LayerHold implements AsyncDisposable {
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
