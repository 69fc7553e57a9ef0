/** One line of a pressure file: per cent of the last 10, 60 and 300 seconds, and microseconds in all. */
export interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly totalUs: bigint;
}

/** Pressure stall information: when some tasks waited, and when all did. */
export interface Pressure {
  readonly some: PressureLine;
  /** Absent from cpu.pressure before Linux 5.13. */
  readonly full?: PressureLine;
}

/** Bytes, but for the faults. */
export interface MemoryReading {
  readonly usage: bigint;
  /** What cannot be reclaimed at once, as the kubelet computes it: usage less inactive file pages. */
  readonly workingSet: bigint;
  /** The cgroup's own; absent without one. */
  readonly limit?: bigint;
  /** Anonymous memory. */
  readonly rss: bigint;
  readonly pageFaults: bigint;
  readonly majorPageFaults: bigint;
}

/** Bytes. */
export interface SwapReading {
  readonly usage: bigint;
  /** Absent without a limit. */
  readonly limit?: bigint;
}

/** What the kernel counts of a cgroup and all below it; a part that this machine does not count is absent. */
export interface CgroupUsage {
  /** When it was read: nanoseconds since the epoch. */
  readonly timestamp: bigint;
  readonly cpuNs?: bigint;
  readonly memory?: MemoryReading;
  readonly swap?: SwapReading;
  readonly pressure?: { readonly cpu?: Pressure; readonly memory?: Pressure; readonly io?: Pressure };
}

/** Reads what the kernel counts of cgroups. Its files are kept in memory: a read does not block, and takes 0.1 ms. */
export interface CgroupMeter {
  /** Undefined if there is no such cgroup. */
  read(path: string): CgroupUsage | undefined;
  /** Nanoseconds of CPU time alone; undefined if there is no such cgroup, or nothing counts it. */
  cpuNs(path: string): bigint | undefined;
  /** Tasks in the cgroup and below it, threads counted one by one (pids.current). */
  tasks(path: string): bigint | undefined;
}
