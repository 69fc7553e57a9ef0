/** One line of an exposition: a sample. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What the lines of one family say. */
export interface Family {
  readonly name: string;
  help: string | undefined;
  type: string | undefined;
  readonly samples: Sample[];
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const labelPair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/g;

/** Reads the text format. Throws at a line that is none, and at one that stands outside its family. */
export function parseExposition(text: string): readonly Family[] {
  const families: Family[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line === '# EOF') continue;
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment) {
      const [, what, name = '', rest] = comment;
      const last = families.at(-1);
      const family: Family = last?.name === name ? last : { name, help: undefined, type: undefined, samples: [] };
      if (family !== last) families.push(family);
      if (what === 'HELP') family.help = rest;
      else family.type = rest;
      continue;
    }
    const sample = readSample(line);
    const family = families.at(-1);
    if (!family || !sample.name.startsWith(family.name)) throw new Error(`outside its family: ${line}`);
    family.samples.push(sample);
  }
  return families;
}

function readSample(line: string): Sample {
  const [, name = '', labels = '', value] = sampleLine.exec(line) ?? [];
  const pairs = [...labels.matchAll(labelPair)];
  if (name === '' || pairs.map(([pair]) => pair).join('') !== labels) throw new Error(`no sample: ${line}`);
  const number = value === '+Inf' ? Infinity : Number(value);
  if (Number.isNaN(number)) throw new Error(`no value: ${line}`);
  return { name, labels: Object.fromEntries(pairs.map(([, key = '', text = '']) => [key, text])), value: number };
}

/** The value of a sample whose name and labels are these, however many labels more it has; summed if there are several. */
export function valueOf(text: string, name: string, labels: Sample['labels'] = {}): number | undefined {
  const found = parseExposition(text)
    .flatMap(({ samples }) => samples)
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}
