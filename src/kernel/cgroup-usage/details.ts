import type { CgroupUsage } from './usage';

/** What of a cgroup can be read apart from the rest: each part is files of its own. */
export type CgroupPart = 'cpu' | 'memory' | 'io' | 'hugetlb' | 'oom' | 'tasks' | 'pressure';

/** CPU time in nanoseconds, and what the quota has held back of it (sched-bwc.rst). */
export interface CpuDetails {
  readonly usageNs?: bigint | undefined;
  readonly userNs?: bigint | undefined;
  readonly systemNs?: bigint | undefined;
  /** Periods in which there was work, those in which the quota was used up, and for how long in all. */
  readonly periods?: bigint | undefined;
  readonly throttledPeriods?: bigint | undefined;
  readonly throttledNs?: bigint | undefined;
  /** Periods that used what earlier ones had left over, and how much of it. */
  readonly burstPeriods?: bigint | undefined;
  readonly burstNs?: bigint | undefined;
}

/** Bytes; faults, failures and pages are numbers. What this kernel does not count is undefined. */
export interface MemoryDetails {
  readonly usage: bigint;
  readonly workingSet: bigint;
  readonly peak?: bigint | undefined;
  readonly cache?: bigint | undefined;
  readonly rss?: bigint | undefined;
  readonly mappedFile?: bigint | undefined;
  readonly kernel?: bigint | undefined;
  readonly swap?: bigint | undefined;
  readonly activeFile?: bigint | undefined;
  readonly inactiveFile?: bigint | undefined;
  readonly dirty?: bigint | undefined;
  readonly writeback?: bigint | undefined;
  /** How often an allocation met the limit. */
  readonly limitHits?: bigint | undefined;
  /** How often it was slowed down by memory.high (v2). */
  readonly highHits?: bigint | undefined;
  /** Of the cgroup itself, without what is below it; v2 does not tell that apart. */
  readonly own?: FaultDetails | undefined;
  /** With all that is below it. */
  readonly all: FaultDetails;
  /** Pages that reclaim has looked at, and has taken (v2). */
  readonly pagesScanned?: bigint | undefined;
  readonly pagesStolen?: bigint | undefined;
  /** Pages that were needed again after reclaim had taken them. */
  readonly fileRefaults?: bigint | undefined;
  readonly anonRefaults?: bigint | undefined;
}

export interface FaultDetails {
  readonly pageFaults?: bigint | undefined;
  readonly majorPageFaults?: bigint | undefined;
}

/** What went to and from one device. */
export interface DeviceIo {
  readonly major: number;
  readonly minor: number;
  /** Bytes by the kernel's name of the operation: Read, Write, Discard; v1 has Sync, Async and Total beside them. */
  readonly bytes: ReadonlyMap<string, bigint>;
  /** Operations, by the same names. */
  readonly operations: ReadonlyMap<string, bigint>;
}

/** Huge pages of one size: bytes, and how often the limit was met. */
export interface HugePages {
  /** As the kernel has it in names of files: `2MB`. */
  readonly size: string;
  readonly usage: bigint;
  /** v2 keeps none. */
  readonly peak?: bigint | undefined;
  readonly limitHits?: bigint | undefined;
}

export interface TaskDetails {
  /** Threads, each one. */
  readonly current: bigint;
  /** Undefined without a limit. */
  readonly max?: bigint | undefined;
}

/** The parts that were asked for; one that this machine does not count is undefined. */
export interface CgroupDetails {
  readonly cpu?: CpuDetails | undefined;
  readonly memory?: MemoryDetails | undefined;
  readonly io?: readonly DeviceIo[] | undefined;
  readonly hugetlb?: readonly HugePages[] | undefined;
  /** Processes that were killed because memory ran out. */
  readonly oomKills?: bigint | undefined;
  readonly tasks?: TaskDetails | undefined;
  readonly pressure?: CgroupUsage['pressure'] | undefined;
}

/** Reads more of cgroups than stats need, part by part, as CgroupMeter does: nothing blocks. */
export interface CgroupDetailMeter {
  /** No file is read for parts that are not asked for; of a cgroup that is not there all are undefined. */
  read(path: string, parts: ReadonlySet<CgroupPart>): CgroupDetails;
  /** Whether oomKills has those of the cgroups below it, too (v2). */
  readonly oomKillsAreOfTheTree: boolean;
}
