/** One measured value of the monitor, what it was measured beside, and the bar that is set for it. */
export interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  /** The same of something else, in the same run and unit. */
  readonly beside?: { readonly who: string; readonly value: number };
  /** A verdict of the bench, never an assertion of a test. */
  readonly bar?: { readonly text: string; readonly met: boolean };
  /** What was wrong, if that is what was counted. */
  readonly problems?: readonly string[];
}

export const atMost = (value: number, limit: number, unit: string): Figure['bar'] => ({
  text: `<= ${limit} ${unit}`.trim(),
  met: value <= limit,
});

export const atLeast = (value: number, limit: number, unit: string): Figure['bar'] => ({
  text: `>= ${limit} ${unit}`.trim(),
  met: value >= limit,
});

/** The table as it is printed. */
export function figureTable(figures: readonly Figure[]): string {
  const number = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(2));
  const lines = figures.map(({ what, unit, value, beside, bar }) => [
    what,
    number(value),
    unit,
    beside ? `${beside.who} ${number(beside.value)}` : '-',
    bar ? `${bar.text}: ${bar.met ? 'met' : 'MISSED'}` : '-',
  ]);
  const all = [['monitor', 'value', '', 'beside', 'bar'], ...lines];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0))) ?? [];
  const pad = (text: string, column: number) =>
    column === 1 ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  const table = all.map((line) => line.map(pad).join('  ').trimEnd());
  return [...table, ...figures.flatMap(({ problems = [] }) => problems)].join('\n');
}
