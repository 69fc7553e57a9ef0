import { BerthError } from '../base';
import type { HugepageLimit, LinuxContainerResources } from '../wire';

/** Whose resources they are, for errors: the RPC, and the container or pod. */
export interface ResourcesOf {
  readonly op: string;
  readonly object: string;
  /** Path of the message in the request: `config.linux.resources`. */
  readonly field: string;
}

/** What the kernel's CFS bandwidth controller takes, in microseconds (sched-bwc.rst). */
const shortestPeriod = 1000n;
const longestPeriod = 1_000_000n;
/** The kernel's max_cfs_runtime. */
const largestQuota = 2n ** 44n - 1n;
/** What cgroup v1 takes as cpu.shares; v2's weight is derived from it. */
const fewestShares = 2n;
const mostShares = 262_144n;

/** Less than any OCI runtime starts a process in: CRI-O's minimum for crun is about as much, and 12 MiB for runc. */
const leastMemory = 512n * 1024n;

type Refuse = (name: string, detail: string) => BerthError;

/**
 * Checks CRI's LinuxContainerResources before anything is done by them: 0 and empty are not set, whatever is set has to be
 * something that the kernel takes.
 * @throws `argument-invalid`, naming the field.
 */
export function checkResources({ op, object, field }: ResourcesOf, cri: LinuxContainerResources): void {
  const refuse: Refuse = (name, detail) =>
    new BerthError('argument-invalid', { op, object, detail: `${field}.${name} ${detail}` });
  checkExact(cri, refuse);
  checkCpu(cri, refuse);
  checkMemory(cri, refuse);
  for (const [index, limit] of cri.hugepageLimits.entries()) checkHugepages(limit, index, cri.hugepageLimits, refuse);
  for (const [key, value] of Object.entries(cri.unified)) checkUnified(key, value, refuse);
  if (cri.oomScoreAdj < -1000n || cri.oomScoreAdj > 1000n)
    throw refuse('oom_score_adj', `is ${cri.oomScoreAdj}: it goes from -1000 to 1000`);
}

/** The OCI spec is JSON: beyond 2^53 a number could not be written exactly. */
function checkExact(cri: LinuxContainerResources, refuse: Refuse): void {
  const numbers: readonly (readonly [string, bigint])[] = [
    ['cpu_period', cri.cpuPeriod],
    ['cpu_quota', cri.cpuQuota],
    ['cpu_shares', cri.cpuShares],
    ['memory_limit_in_bytes', cri.memoryLimitInBytes],
    ['memory_swap_limit_in_bytes', cri.memorySwapLimitInBytes],
    ['oom_score_adj', cri.oomScoreAdj],
    ...cri.hugepageLimits.map(({ limit }, index) => [`hugepage_limits[${index}].limit`, limit] as const),
  ];
  const inexact = numbers.find(([, value]) => !Number.isSafeInteger(Number(value)));
  if (inexact) throw refuse(inexact[0], `is ${inexact[1]}: beyond ±2^53 it cannot be written to the OCI spec`);
}

function checkCpu({ cpuPeriod, cpuQuota, cpuShares, cpusetCpus, cpusetMems }: LinuxContainerResources, refuse: Refuse) {
  if (cpuPeriod !== 0n && (cpuPeriod < shortestPeriod || cpuPeriod > longestPeriod))
    throw refuse('cpu_period', `is ${cpuPeriod} microseconds: it goes from ${shortestPeriod} to ${longestPeriod}`);
  if (cpuQuota < -1n || (cpuQuota > 0n && cpuQuota < shortestPeriod) || cpuQuota > largestQuota)
    throw refuse(
      'cpu_quota',
      `is ${cpuQuota} microseconds: it goes from ${shortestPeriod} to ${largestQuota}, or -1 for no limit`,
    );
  if (cpuShares !== 0n && (cpuShares < fewestShares || cpuShares > mostShares))
    throw refuse('cpu_shares', `is ${cpuShares}: it goes from ${fewestShares} to ${mostShares}`);
  for (const [name, list] of [['cpuset_cpus', cpusetCpus] as const, ['cpuset_mems', cpusetMems] as const]) {
    if (list !== '' && !/^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$/.test(list))
      throw refuse(name, `is ${JSON.stringify(list.slice(0, 100))}: not a list such as 0-2,5`);
    if (list.split(',').some((range) => falls(range)))
      throw refuse(name, `is ${JSON.stringify(list.slice(0, 100))}: a range ends before it begins`);
  }
}

/** Whether a range such as 3-1 ends before it begins. */
function falls(range: string): boolean {
  const [first = 0, last = first] = range.split('-').map(Number);
  return last < first;
}

function checkMemory(
  { memoryLimitInBytes: limit, memorySwapLimitInBytes: swap }: LinuxContainerResources,
  refuse: Refuse,
) {
  if (limit < -1n || (limit > 0n && limit < leastMemory))
    throw refuse('memory_limit_in_bytes', `is ${limit}: at least ${leastMemory}, or -1 for no limit`);
  if (swap < -1n) throw refuse('memory_swap_limit_in_bytes', `is ${swap}: at least 1, or -1 for no limit`);
  if (swap > 0n && limit <= 0n)
    throw refuse(
      'memory_swap_limit_in_bytes',
      `is ${swap}, and memory_limit_in_bytes is ${limit}: swap is limited with memory`,
    );
  if (swap > 0n && swap < limit)
    throw refuse(
      'memory_swap_limit_in_bytes',
      `is ${swap}, less than memory_limit_in_bytes (${limit}): it counts memory and swap together`,
    );
}

function checkHugepages(
  { pageSize }: HugepageLimit,
  index: number,
  all: readonly HugepageLimit[],
  refuse: Refuse,
): void {
  const name = `hugepage_limits[${index}].page_size`;
  // As the kernel names its files: hugetlb.2MB.max.
  if (!/^[1-9]\d{0,5}[KMG]B$/.test(pageSize))
    throw refuse(name, `is ${JSON.stringify(pageSize.slice(0, 100))}: not a size such as 2MB`);
  if (all.findIndex((other) => other.pageSize === pageSize) !== index) throw refuse(name, `is ${pageSize} once more`);
}

/** A key is the name of a file of the cgroup: nothing else of the file system may be reached by it. */
function checkUnified(key: string, value: string, refuse: Refuse): void {
  if (!/^[a-z][a-z0-9_]{0,30}(\.[A-Za-z0-9_]{1,60}){1,4}$/.test(key) || key.startsWith('cgroup.'))
    throw refuse('unified', `has ${JSON.stringify(key.slice(0, 100))}: not the name of a controller's file`);
  if (/[\0\n]/.test(value)) throw refuse('unified', `has a line break or NUL in the value of ${key}`);
}
