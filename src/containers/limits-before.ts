import { isBerthError } from '../base';
import type { Kernel } from '../kernel';
import type { OciRuntime } from '../runtime';
import { limitFiles, type LinuxResources } from '../spec';
import type { ContainerRecord } from '../state';

type Files = Readonly<Record<string, string>>;

/** Where the kernel has the limits that OCI runtimes set. On a hybrid host they are in version 1. */
const v1Files = [
  'cpu.shares',
  'cpu.cfs_period_us',
  'cpu.cfs_quota_us',
  'cpuset.cpus',
  'cpuset.mems',
  'memory.memsw.limit_in_bytes',
  'memory.limit_in_bytes',
] as const;
const v2Files = ['cpu.weight', 'cpu.max', 'cpuset.cpus', 'cpuset.mems', 'memory.swap.max', 'memory.max'] as const;

/** A runtime's words for what is not limited; 1024 shares are the kernel's own. */
const noCpuLimit = { shares: 1024, quota: -1, period: 100_000 } as const;
const noMemoryLimit = { limit: -1, swap: -1 } as const;

/** The limits of a container's cgroup at a moment: what a change that is refused gives back. */
export interface LimitsBefore {
  readonly files: Files;
}

/** Reads what the kernel has now in the files that these resources are about to change. */
export async function readLimits(
  kernel: Kernel,
  { cgroupPath }: ContainerRecord,
  wanted: LinuxResources,
): Promise<LimitsBefore> {
  const { cgroup } = kernel.facts;
  const own = Object.keys(limitFiles(wanted, cgroup));
  return { files: await kernel.readCgroup(cgroupPath, [...(cgroup === 'v2' ? v2Files : v1Files), ...own]) };
}

/**
 * Has the limits be again as they were, where there was none: none. The runtime goes first, for it keeps what it was told
 * last and would set it again with the next change; then the kernel's files become those of before to the byte.
 */
export async function giveBackLimits(
  kernel: Kernel,
  runtime: OciRuntime,
  record: ContainerRecord,
  change: { readonly before: LimitsBefore; readonly old: LinuxResources; readonly wanted: LinuxResources },
): Promise<void> {
  const { before, old, wanted } = change;
  try {
    const [cpu, memory] = [cpuBefore(before, old, wanted), memoryBefore(old, wanted)];
    if (cpu || memory) await runtime.update(record.id, { cpu, memory });
  } finally {
    await writeBack(kernel, record.cgroupPath, before.files);
  }
}

/** All that the change has set, as it was before; undefined if it has set nothing. */
function cpuBefore({ files }: LimitsBefore, old: LinuxResources, wanted: LinuxResources): LinuxResources['cpu'] {
  if (!wanted.cpu) return undefined;
  // A set of CPUs cannot be left out again, but named as the kernel has had it.
  const [cpus, mems] = [files['cpuset.cpus']?.trim(), files['cpuset.mems']?.trim()];
  return { ...noCpuLimit, ...(cpus && { cpus }), ...(mems && { mems }), ...old.cpu };
}

function memoryBefore(old: LinuxResources, wanted: LinuxResources): LinuxResources['memory'] {
  if (!wanted.memory) return undefined;
  const none = wanted.memory.swap === undefined ? { limit: noMemoryLimit.limit } : noMemoryLimit;
  return { ...none, ...old.memory };
}

async function writeBack(kernel: Kernel, cgroupPath: string, before: Files): Promise<void> {
  const differing = async (): Promise<readonly (readonly [string, string])[]> => {
    const now = await kernel.readCgroup(cgroupPath, Object.keys(before));
    return Object.entries(before).filter(([name, value]) => now[name] !== undefined && now[name] !== value);
  };
  // One limit may stand in another's way (memory and swap, quota and period): those that are refused come once more.
  for (const [name, value] of await differing()) {
    await kernel.limitCgroup(cgroupPath, { [name]: value }).catch((error: unknown) => {
      if (!isBerthError(error)) throw error;
    });
  }
  await kernel.limitCgroup(cgroupPath, Object.fromEntries(await differing()));
}
