import { resolve } from 'node:path';
import { atLeast, type Figure } from './figure';
import { logThroughput } from './log-throughput';

/** A short line, and one that is far longer than its prefix. */
const lineLengths = [100, 4096];
const rounds = 3;

/** How fast output gets into the log, beside a program that does the least for it, and beside another monitor. */
export async function logFigures(totalBytes: number): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const lineBytes of lineLengths) {
    const { berth, copier, peer } = await logThroughput({
      nativeDir: resolve('conmon'),
      lineBytes,
      totalBytes,
      rounds,
    });
    const what = `log of ${lineBytes}-byte lines`;
    const times = (who: string, other: number, least: number): Figure => ({
      what: `${what} / ${who}`,
      unit: '',
      value: berth / other,
      bar: atLeast(berth / other, least, ''),
    });
    figures.push({ what, unit: 'MB/s', value: berth, beside: { who: 'copier', value: copier } });
    figures.push(times('copier', copier, 0.85));
    if (peer !== undefined) figures.push(times('conmon', peer, 1.3));
  }
  return figures;
}
