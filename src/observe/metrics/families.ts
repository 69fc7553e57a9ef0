import type * as promClient from 'prom-client';
import type { Counter, Histogram, LabelValues, Registry } from 'prom-client';

/** The library; it is loaded only where somebody wants metrics. */
export type PromClient = Pick<typeof promClient, 'Counter' | 'Gauge' | 'Histogram'>;

/** One sample: its labels, and its value. */
export type Sample<L extends string> = readonly [labels: LabelValues<L>, value: number];

type Read<L extends string> = () => readonly Sample<L>[];

/** Makes families of metrics in one registry. Those with a `read` keep nothing: they are read when somebody asks. */
export class Families {
  constructor(
    private readonly client: PromClient,
    private readonly registry: Registry,
  ) {}

  counter<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new this.client.Counter<L>({ name, help, labelNames, registers: [this.registry] });
  }

  /** In base units: seconds. */
  histogram<L extends string>(name: string, help: string, labelNames: readonly L[], buckets: number[]): Histogram<L> {
    return new this.client.Histogram<L>({ name, help, labelNames, buckets, registers: [this.registry] });
  }

  gaugeOf<L extends string = never>(name: string, help: string, labelNames: readonly L[], read: Read<L>): void {
    const gauge = new this.client.Gauge<L>({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        gauge.reset();
        for (const [labels, value] of read()) gauge.set(labels, value);
      },
    });
  }

  /** A sum that is kept elsewhere and never falls. */
  counterOf<L extends string = never>(name: string, help: string, labelNames: readonly L[], read: Read<L>): void {
    const counter = new this.client.Counter<L>({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        counter.reset();
        for (const [labels, value] of read()) counter.inc(labels, value);
      },
    });
  }
}

/** Passes on so many different values of a label, and `other` for all that come later: labels are for ever. */
export function boundedLabel(most = 32): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= most) return 'other';
    known.add(value);
    return value;
  };
}

/** How many there are of each of these phases; none is told too. */
export function byPhase<P extends string>(
  phases: readonly P[],
  records: Iterable<{ readonly phase: string }>,
): readonly Sample<'state'>[] {
  const counts = new Map<string, number>(phases.map((phase) => [phase, 0]));
  for (const { phase } of records) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  return [...counts].map(([state, count]) => [{ state }, count]);
}
