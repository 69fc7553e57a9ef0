/** Milliseconds of each try, in the order of the tries. */
export type Samples = readonly number[];

/** What one row measures: a name, and how long each try of a kind of work took. */
export interface Measured {
  readonly row: RowName;
  readonly samples: Samples;
}

export type RowName =
  'pod start' | 'pod stop' | 'exec' | 'burst' | 'container stats' | 'pod stats' | 'pod metrics' | 'reads' | 'teardown';

/** Runs the work and gives its result with the milliseconds that it took. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> {
  const begun = process.hrtime.bigint();
  const value = await work();
  return { ms: Number(process.hrtime.bigint() - begun) / 1e6, value };
}

/** The value below which the fraction of the samples lies (nearest rank). */
export function percentile(samples: Samples, fraction: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)];
  if (value === undefined) throw new Error('there is nothing to take a percentile of');
  return value;
}

/** Of the rounds of one row, the one with the lower median: the machine disturbed it less. */
export function quieter(rounds: readonly Samples[]): Samples {
  const [best] = [...rounds].sort((a, b) => percentile(a, 0.5) - percentile(b, 0.5));
  if (best === undefined) throw new Error('no round was measured');
  return best;
}
