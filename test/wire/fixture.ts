import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A contract as flat facts, one text per fact, so that two of them can be compared as sets. */
export type Facts = ReadonlySet<string>;

/** The facts of CRI v1 as test/fixtures/cri-v1-wire.txt has them. */
export function fixtureFacts(): Facts {
  const facts = new Set<string>();
  let owner = '';
  const text = readFileSync(join(__dirname, '../fixtures/cri-v1-wire.txt'), 'utf8');
  // What comes before the first service is the file's own heading.
  for (const line of text.slice(text.indexOf('\nservice ')).split('\n')) {
    const words = line.trim().split(/\s+/);
    const [first = '', second = '', third = '', fourth = '', ...rest] = words;
    if (line === '') continue;
    if (/^(service|message) \w+$/.test(line)) {
      owner = `${first} ${second}`;
      facts.add(owner);
    } else if (line.startsWith('enum ')) {
      for (const value of [third, fourth, ...rest]) if (value !== '') facts.add(`enum ${second.slice(0, -1)} ${value}`);
    } else if (owner.startsWith('service ')) {
      facts.add(`${owner} ${words.join(' ')}`);
    } else if (/^ {2}\d+ \w+ \S+/.test(line)) {
      facts.add(`${owner} ${words.join(' ')}`);
    } else {
      throw new Error(`the fixture has a line of no known form: ${line}`);
    }
  }
  return facts;
}
