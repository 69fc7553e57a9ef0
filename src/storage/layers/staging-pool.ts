import { BerthError, abortable, currentJob, type FairSlots, type Job as BerthJob, joining, type Log } from '../../base';
import type { Layout } from '../layout';
import type { StorageKernel } from '../options';
import { removeStaging } from './stage';
import type { StagingHold } from './staging-hold';

/** What is being staged, shared by all who want it. */
interface Job<Staged> {
  readonly key: string;
  /** Whoever began it: the RPC, as a rule. */
  readonly of: BerthJob | undefined;
  /** Of the bytes that it fetches. */
  readonly digest: string;
  readonly staged: Promise<Staged>;
  readonly dir: string;
  readonly controller: AbortController;
  users: number;
}

/** What was staged, and whether somebody else's job brought it. */
interface Acquired<Staged> {
  readonly staged: Staged;
  readonly shared: boolean;
}

export interface StagingOptions<Source, Staged> {
  readonly kernel: StorageKernel;
  readonly layout: Layout;
  readonly log: Log;
  /** How many are staged at once, of all and of one hold; the pools of a storage share it. */
  readonly slots: FairSlots;
  /** What one source is staged under (a layer's chain id, a blob's digest), and the digest of its bytes. */
  readonly nameOf: (source: Source) => { readonly key: string; readonly digest: string };
  /** Fetches and checks one in the folder, which it makes; `donor` was made of the same bytes, and is held meanwhile. */
  readonly stage: (dir: string, source: Source, donor: Staged | undefined, signal: AbortSignal) => Promise<Staged>;
}

/**
 * Layers, or blobs, that are being staged or wait to be committed. Each is fetched once, whoever asks; it is given
 * up, and its folder removed, when the last of those who wanted it lets go. Bytes that another job fetches (the same
 * layer on other ones) are not fetched again.
 */
export class StagingPool<Source, Staged> {
  private readonly jobs = new Map<string, Job<Staged>>();

  constructor(private readonly parts: StagingOptions<Source, Staged>) {}

  /** Whether somebody's job brings this one. */
  has(key: string): boolean {
    return this.jobs.has(key);
  }

  /**
   * Gives what was staged, and holds it until the hold is let go, which every call needs, failed or not. A job of
   * someone else that fails is tried again from this caller's source: its credentials may be the better ones.
   */
  async acquire(source: Source, hold: StagingHold, signal: AbortSignal): Promise<Acquired<Staged>> {
    for (;;) {
      const known = this.jobs.get(this.parts.nameOf(source).key);
      const job = known ?? this.start(source, hold);
      job.users++;
      hold.add(() => this.release(job));
      const wait = () => abortable(job.staged, signal, 'stage a layer');
      try {
        if (!known) return { staged: await wait(), shared: false };
        return { staged: await joining('stage', known.of, wait, job.key), shared: true };
      } catch (error) {
        if (!known || signal.aborted) throw error;
      }
    }
  }

  private start(source: Source, hold: StagingHold): Job<Staged> {
    const name = this.parts.nameOf(source);
    const controller = new AbortController();
    const dir = this.parts.layout.newStaging();
    const { signal } = controller;
    const twin = [...this.jobs.values()].find(({ digest }) => digest === name.digest);
    if (twin) twin.users++;
    const run = async (): Promise<Staged> => {
      try {
        // Before a slot is taken: one that waits must not keep out the one that it waits for.
        const donor = twin && (await abortable(resultOf(twin), signal, 'stage a layer'));
        return await this.parts.slots.with(hold, signal, () => this.parts.stage(dir, source, donor, signal));
      } finally {
        if (twin) await this.release(twin);
      }
    };
    const job: Job<Staged> = { ...name, of: currentJob(), staged: run(), dir, controller, users: 0 };
    this.jobs.set(job.key, job);
    // A job that failed is not joined any more; those who wait for it hear of it through their own wait.
    job.staged.catch(() => this.forget(job));
    return job;
  }

  private async release(job: Job<Staged>): Promise<void> {
    job.users--;
    if (job.users > 0) return;
    this.forget(job);
    const { key } = job;
    job.controller.abort(
      new BerthError('call-cancelled', { op: 'stage a layer', object: key, detail: 'nobody wants it' }),
    );
    await job.staged.catch((error: unknown) =>
      this.parts.log.debug({ err: error, key }, 'a staged layer was given up'),
    );
    await removeStaging(this.parts.kernel, job.dir);
  }

  private forget(job: Job<Staged>): void {
    if (this.jobs.get(job.key) === job) this.jobs.delete(job.key);
  }
}

/** What a job has staged; undefined if it fails. */
function resultOf<Staged>({ staged }: Job<Staged>): Promise<Staged | undefined> {
  return staged.catch(() => undefined);
}
