import { percentile, quieter, type RowName, type Samples } from './measure';
import { textTable } from './text-table';

/** The quieter round of each contestant in one row. */
export interface Row {
  readonly name: RowName;
  readonly floor: Samples | undefined;
  readonly berth: Samples;
  readonly peer: Samples | undefined;
}

export interface Verdict {
  readonly bar: string;
  /** Undefined where what it is compared with was not measured. */
  readonly met: boolean | undefined;
}

/** A bar against another contestant, or one that is fixed: `plusMs` alone. */
type Bar = {
  readonly of?: 'peer' | 'floor';
  readonly factor?: number;
  readonly plusMs?: number;
  readonly text: string;
};

const statsBar: Bar = { plusMs: 30, text: '<= 30 ms' };

/** What is asked of berth: verdicts of the bench, never assertions of a test. */
const bars: Readonly<Record<RowName, readonly Bar[]>> = {
  'pod start': [
    { of: 'peer', factor: 0.7, text: '<= 0.7 x peer' },
    { of: 'floor', factor: 1, plusMs: 15, text: '<= floor + 15 ms' },
  ],
  'pod stop': [],
  exec: [{ of: 'floor', factor: 1.15, text: '<= 1.15 x floor' }],
  'container stats': [statsBar],
  'pod stats': [statsBar],
  'pod metrics': [],
  // What the machine takes from any work of that length, nobody's list can be faster than.
  reads: [
    { plusMs: 50, text: '<= 50 ms' },
    { of: 'floor', text: '<= floor' },
  ],
  burst: [{ of: 'peer', factor: 0.5, text: '<= 0.5 x peer' }],
  teardown: [{ of: 'peer', factor: 0.5, text: '<= 0.5 x peer' }],
};

/** What a row is told by: the median, but of reads the slowest, for which somebody has waited. */
export const figure = (name: RowName, samples: Samples): number => percentile(samples, name === 'reads' ? 1 : 0.5);

/** The row of the rounds: the quieter one of each contestant. */
export function rowOf(name: RowName, rounds: Readonly<Record<'floor' | 'berth' | 'peer', readonly Samples[]>>): Row {
  const best = (of: readonly Samples[]) => (of.length > 0 ? quieter(of) : undefined);
  return { name, floor: best(rounds.floor), berth: quieter(rounds.berth), peer: best(rounds.peer) };
}

export function verdicts(row: Row): readonly Verdict[] {
  return bars[row.name].map(({ of, factor = 1, plusMs = 0, text }) => {
    const against = of && row[of];
    if (of && !against) return { bar: text, met: undefined };
    const limit = (against ? figure(row.name, against) * factor : 0) + plusMs;
    return { bar: text, met: figure(row.name, row.berth) <= limit };
  });
}

/** The table as it is printed. Times are milliseconds; single runs for burst and teardown. */
export function table(rows: readonly Row[], labels: Readonly<Record<RowName, string>>): string {
  const cell = (row: Row, samples: Samples | undefined) => (samples ? figure(row.name, samples).toFixed(1) : '-');
  const lines = rows.map((row) => [
    labels[row.name],
    cell(row, row.floor),
    cell(row, row.berth),
    cell(row, row.peer),
    row.peer ? (figure(row.name, row.berth) / figure(row.name, row.peer)).toFixed(2) : '-',
    verdicts(row)
      .map(({ bar, met }) => `${bar}: ${met === undefined ? 'not measured' : met ? 'met' : 'MISSED'}`)
      .join(', ') || '-',
  ]);
  return textTable([['work (ms)', 'floor', 'berth', 'peer', 'berth/peer', 'bar'], ...lines], [0, 5]);
}
