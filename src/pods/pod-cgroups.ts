import { basename } from 'node:path';
import { messageOf, type Log } from '../base';
import { foldersUpTo, type Kernel } from '../kernel';
import type { SandboxRecord, Table } from '../state';
import type { PodCgroup } from './cgroup';

/** How long systemd may take to forget an empty slice. */
const stopSliceMs = 10_000;

/**
 * The cgroups that pods are in, as they are made and given back. Pods may share one, or the folders above theirs, and come and go at
 * once: a folder goes with the last pod in it, and never while a pod is about to use it.
 */
export class PodCgroups {
  /** Pods that will not use theirs again. */
  private readonly leaving = new Set<string>();
  private readonly removals = new Set<Promise<void>>();

  constructor(
    private readonly kernel: Kernel,
    private readonly table: Pick<Table<SandboxRecord>, 'get' | 'values'>,
    private readonly log: Log,
  ) {}

  /**
   * The plan, and what of its path is berth's to remove with the pod: what nobody has made yet, and what another pod's
   * record says that berth made. To be in the pod's record before it is made.
   */
  async claim(planned: PodCgroup): Promise<PodCgroup> {
    if (planned.cgroupDriver) return planned;
    const { cgroupParent } = planned;
    const tops = [...this.table.values()]
      .filter(({ ownsCgroup, cgroupDriver }) => ownsCgroup && !cgroupDriver)
      .map((pod) => pod.cgroupTop ?? pod.cgroupParent)
      .filter((top) => isWithin(cgroupParent, top));
    const missing = await this.kernel.missingCgroup(cgroupParent);
    const [cgroupTop] = [...tops, ...(missing === undefined ? [] : [missing])].sort((a, b) => a.length - b.length);
    return cgroupTop === undefined ? planned : { ...planned, ownsCgroup: true, cgroupTop };
  }

  /** Makes the cgroup of a pod that is on record. systemd makes a slice with the first scope in it. */
  async make({ cgroupParent, cgroupDriver }: PodCgroup): Promise<void> {
    if (cgroupDriver) return;
    // Those that begin from now on see the pod's record; one under way may have missed it.
    await Promise.allSettled(this.removals);
    await this.kernel.createCgroup(cgroupParent);
  }

  /** Removes the cgroup if it is berth's, with the folders above it that are, as far as no other pod is in them. */
  async giveBack(pod: SandboxRecord): Promise<void> {
    this.leave(pod.id);
    if (!pod.ownsCgroup) return;
    if (pod.cgroupDriver) return this.stopSlice(basename(pod.cgroupParent));
    const others = [...this.table.values()].filter(({ id }) => !this.leaving.has(id));
    const isFree = (folder: string) => !others.some(({ cgroupParent }) => isWithin(cgroupParent, folder));
    const folders = foldersUpTo(pod.cgroupParent, pod.cgroupTop ?? pod.cgroupParent);
    // A pod in one is in all above it.
    const top = folders.findLast(isFree);
    if (top === undefined) return;
    const removal = this.kernel.removeEmptyCgroup(pod.cgroupParent, top);
    this.removals.add(removal);
    try {
      await removal;
    } finally {
      this.removals.delete(removal);
    }
  }

  /** Of two that leave at once neither may take the other for one that stays. */
  private leave(id: string): void {
    for (const former of this.leaving) if (!this.table.get(former)) this.leaving.delete(former);
    this.leaving.add(id);
  }

  /** A slice that stays is empty: it is told, and is no reason to keep the pod. */
  private async stopSlice(slice: string): Promise<void> {
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin' };
    try {
      const result = await this.kernel.run({ path: 'systemctl', args: ['stop', slice], env, timeoutMs: stopSliceMs });
      if (result.exitCode !== 0)
        this.log.warn({ slice }, `the slice of a pod stays: ${result.stderr.toString('utf8').trim()}`);
    } catch (error) {
      this.log.warn({ err: error, slice }, `the slice of a pod stays: ${messageOf(error)}`);
    }
  }
}

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);
