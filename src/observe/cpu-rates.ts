/** CPU time of one cgroup at one moment: both in nanoseconds, the moment by a clock that nobody sets. */
interface CpuSample {
  readonly at: bigint;
  readonly cpuNs: bigint;
}

/** A rate over less says more of the sampling than of the load. */
const leastIntervalNs = 1_000_000_000n;

/** Samples of a cgroup: the youngest may be too young to measure against. */
const keptSamples = 2;

/**
 * How fast cgroups use CPU time: each reading against the youngest sample that is at least a second older (CRI
 * usage_nano_cores). Samples come from the background, so that the interval is the same whoever asks how often.
 */
export class CpuRates {
  private readonly samples = new Map<string, CpuSample[]>();

  constructor(private readonly now: () => bigint = () => process.hrtime.bigint()) {}

  /** Keeps a reading to measure later ones against. */
  sample(cgroup: string, cpuNs: bigint): void {
    const known = this.samples.get(cgroup) ?? [];
    // A cgroup that counts less than before is another of the same name.
    const same = known.filter((sample) => sample.cpuNs <= cpuNs);
    this.samples.set(cgroup, [...same, { at: this.now(), cpuNs }].slice(-keptSamples));
  }

  /** Nanoseconds of CPU time a second, until now; undefined without a sample that is old enough. */
  rate(cgroup: string, cpuNs: bigint): bigint | undefined {
    const now = this.now();
    const known = this.samples.get(cgroup);
    // One that the background has not met yet is measured from here on.
    if (!known) this.sample(cgroup, cpuNs);
    const from = known?.findLast(({ at, cpuNs: before }) => now - at >= leastIntervalNs && before <= cpuNs);
    return from && ((cpuNs - from.cpuNs) * 1_000_000_000n) / (now - from.at);
  }

  /** Forgets all others. */
  keep(cgroups: ReadonlySet<string>): void {
    for (const cgroup of this.samples.keys()) if (!cgroups.has(cgroup)) this.samples.delete(cgroup);
  }
}
