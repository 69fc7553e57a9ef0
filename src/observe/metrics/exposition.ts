/** The formats that a scrape can have. */
export type Format = 'text' | 'openmetrics';

export const contentTypes: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** The format that an Accept header likes better; text if it likes neither, as all of Prometheus' clients do. */
export function formatFor(accept: string | undefined): Format {
  let best: { format: Format; quality: number } = { format: 'text', quality: 0 };
  for (const range of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const format = formatOf(type, parameters);
    const quality = qualityOf(parameters);
    if (format && quality > best.quality) best = { format, quality };
  }
  return best.format;
}

function formatOf(type: string, parameters: readonly string[]): Format | undefined {
  if (type === 'text/plain' || type === 'text/*' || type === '*/*') return 'text';
  const version = parameters.find((parameter) => parameter.startsWith('version='));
  const known = version === undefined || version === 'version=1.0.0';
  return type === 'application/openmetrics-text' && known ? 'openmetrics' : undefined;
}

function qualityOf(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = given === undefined ? 1 : Number(given.slice(2));
  return quality >= 0 && quality <= 1 ? quality : 0;
}

/**
 * The text format's exposition as OpenMetrics: a counter's family has no `_total`, bounds are floating-point numbers, there
 * are no empty lines, and the end is told. prom-client's own way there renames the metrics for good.
 */
export function toOpenMetrics(text: string): string {
  const counters = /^# TYPE (\w+)_total counter$/gm;
  const families = new Set([...text.matchAll(counters)].map(([, family]) => family ?? ''));
  const lines = text.split('\n').flatMap((line) => {
    if (line === '') return [];
    if (!line.startsWith('# ')) return [line.replace(/([{,]le="\d+)"/, '$1.0"')];
    const [, start, family = '', help] = /^(# \w+ )(\w+)_total (.*)$/.exec(line) ?? [];
    return [families.has(family) ? `${start}${family} ${help}` : line];
  });
  return `${lines.join('\n')}\n# EOF\n`;
}
