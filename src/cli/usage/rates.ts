import type { CpuUsage } from '../../wire';

/** A counter at one moment of its own clock: nanoseconds since the epoch. */
interface Reading {
  readonly at: bigint;
  readonly count: bigint;
}

/** How fast counters go, from one reading to the next. */
export class Rates {
  private readonly last = new Map<string, Reading>();

  /** A second's worth, since the reading before; undefined for the first, and for a counter that has begun anew. */
  of(key: string, at: bigint, count: bigint): number | undefined {
    const before = this.last.get(key);
    if (before && before.at >= at) return undefined;
    this.last.set(key, { at, count });
    if (!before || before.count > count) return undefined;
    return (Number(count - before.count) * 1e9) / Number(at - before.at);
  }
}

/**
 * Cores in use: once there are two readings, what was used between them; before that the daemon's own rate, which is of some
 * seconds.
 */
export function coresUsed(rates: Rates, key: string, cpu: CpuUsage | undefined): number | undefined {
  const total = cpu?.usageCoreNanoSeconds?.value;
  const seen = cpu && total !== undefined ? rates.of(key, cpu.timestamp, total) : undefined;
  const told = cpu?.usageNanoCores?.value;
  const nanoCores = seen ?? (told === undefined ? undefined : Number(told));
  return nanoCores === undefined ? undefined : nanoCores / 1e9;
}
