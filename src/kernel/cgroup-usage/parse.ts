import type { Pressure, PressureLine } from './usage';

/** The figure of a line `<key> <figure>` in a file like memory.stat or cpu.stat. */
export function figureOf(text: string, key: string): bigint | undefined {
  const begin = text.startsWith(`${key} `) ? 0 : text.indexOf(`\n${key} `) + 1;
  if (begin === 0 && !text.startsWith(`${key} `)) return undefined;
  const from = begin + key.length + 1;
  const end = text.indexOf('\n', from);
  return wholeNumber(text.slice(from, end < 0 ? undefined : end));
}

/** A file of one number; undefined if it is none. */
export function wholeNumber(text: string): bigint | undefined {
  const plain = text.trim();
  return /^\d+$/.test(plain) ? BigInt(plain) : undefined;
}

/** No machine has as much: v1 writes "no limit" as the largest number of whole pages. */
const unlimited = 1n << 62n;

/** A limit in bytes; `max` (v2) and v1's largest number are none. */
export function limitOf(figure: bigint | undefined): bigint | undefined {
  return figure === undefined || figure >= unlimited ? undefined : figure;
}

/** The texts of cpu.pressure, memory.pressure and io.pressure (Documentation/accounting/psi.rst). */
export function parsePressure(text: string): Pressure | undefined {
  let some: PressureLine | undefined;
  let full: PressureLine | undefined;
  for (const line of text.split('\n')) {
    const found = /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)/.exec(line);
    if (!found) continue;
    const [, kind, avg10, avg60, avg300, total = '0'] = found;
    const values = { avg10: Number(avg10), avg60: Number(avg60), avg300: Number(avg300), totalUs: BigInt(total) };
    if (kind === 'some') some = values;
    else full = values;
  }
  return some && { some, ...(full && { full }) };
}
