import { type Family, parseExposition, type Sample } from './exposition';

/** Units that are no base units, as words of a name (Prometheus: "Metric and label naming"). */
const otherUnits = [
  ...['milliseconds', 'microseconds', 'nanoseconds', 'minutes', 'hours', 'days', 'weeks', 'ms', 'us', 'ns'],
  ...['kilobytes', 'megabytes', 'gigabytes', 'kibibytes', 'mebibytes', 'gibibytes', 'kb', 'mb', 'gb', 'bits'],
  ...['percent', 'percentage', 'fahrenheit', 'kelvins', 'sec', 'secs', 'byte', 'second'],
];
const typeWords = ['gauge', 'counter', 'histogram', 'summary', 'untyped'];
const types = ['counter', 'gauge', 'histogram'];

/** What is wrong with an exposition by the rules that Prometheus' own linter has; nothing if it is clean. */
export function lint(text: string): readonly string[] {
  const families = parseExposition(text);
  const names = families.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  return [...twice.map((name) => `${name}: stands there twice`), ...families.flatMap(lintFamily)];
}

function lintFamily(family: Family): string[] {
  const { name, help, type = '', samples } = family;
  const words = name.split('_');
  const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
  const ends = (...suffixes: string[]) => suffixes.some((suffix) => name.endsWith(suffix));
  const wrong: readonly (readonly [boolean, string])[] = [
    [!help, 'has no help'],
    [!types.includes(type), `has the type ${type}`],
    [!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name), 'is not snake_case'],
    [[...labels].some((label) => !/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(label)), 'has a label that is not snake_case'],
    [type === 'counter' && !ends('_total'), 'is a counter and does not end in _total'],
    [type !== 'counter' && ends('_total'), 'ends in _total and is no counter'],
    [ends('_count', '_sum', '_bucket', '_created'), 'ends as a part of a histogram does'],
    [type !== 'histogram' && labels.has('le'), 'has the label le and is no histogram'],
    [labels.has('quantile'), 'has the label quantile and is no summary'],
    [words.some((word) => otherUnits.includes(word)), 'has a unit that is no base unit, or is cut short'],
    [words.some((word) => typeWords.includes(word)), 'has its type in its name'],
    [type === 'histogram' && !ends('_seconds', '_bytes'), 'is a histogram without a unit'],
    [type === 'counter' && samples.some(({ value }) => value < 0), 'is a counter below 0'],
  ];
  const found = wrong.flatMap(([is, what]) => (is ? [`${name}: ${what}`] : []));
  return [...found, ...repeated(samples), ...(type === 'histogram' ? lintBuckets(family) : [])];
}

function repeated(samples: readonly Sample[]): string[] {
  const series = samples.map(({ name, labels }) => `${name} ${JSON.stringify(Object.entries(labels).sort())}`);
  return series
    .filter((one, index) => series.indexOf(one) !== index)
    .map((one) => `${one}: a series that is there twice`);
}

/** Buckets rise to +Inf, which is the count, and there is a sum. */
function lintBuckets({ name, samples }: Family): string[] {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = JSON.stringify(Object.entries(sample.labels).filter(([label]) => label !== 'le'));
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  return [...series].flatMap(([labels, parts]) => {
    const buckets = parts.filter((part) => part.name === `${name}_bucket`);
    const rising = buckets.every(({ value }, index) => value >= (buckets[index - 1]?.value ?? 0));
    const count = parts.find((part) => part.name === `${name}_count`)?.value;
    const whole = buckets.at(-1)?.labels['le'] === '+Inf' && buckets.at(-1)?.value === count;
    const sum = parts.some((part) => part.name === `${name}_sum`);
    return rising && whole && sum ? [] : [`${name} ${labels}: is no whole histogram`];
  });
}
