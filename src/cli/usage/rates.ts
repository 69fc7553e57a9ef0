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
