import { benchPlace } from '../place';
import { writeResult } from '../result';
import type { Shares } from './footprint';
import { density } from './node';

export interface DensityBenchOptions {
  readonly pods: number;
  /** How long a kubelet's polling goes on before anything is weighed. */
  readonly pollSeconds: number;
  readonly resultDir: string;
  readonly say: (line: string) => void;
}

/** What is asked of berthd with all of its helpers and 110 pods, in KiB: a verdict of the bench, never an assertion of a test. */
const barKib = 110 * 1024;

/** Weighs the runtimes with a full node, one after the other, prints the table and writes it as JSON; gives its path. */
export async function densityBench({ pods, pollSeconds, resultDir, say }: DensityBenchOptions): Promise<string> {
  await using place = await benchPlace(say);
  const rows = [];
  for (const kind of place.kinds) {
    const { version, shares } = await density(kind, await place.options(kind, kind), { pods, pollSeconds });
    const kib = totalOf(shares);
    rows.push({ version, kib, shares: Object.fromEntries(shares) });
    say(`${version} with ${pods} pods: ${mib(kib)} MiB (${partsOf(shares)})`);
    if (kind === 'berth') say(`  <= ${mib(barKib)} MiB: ${kib <= barKib ? 'met' : 'MISSED'}`);
  }
  return writeResult(resultDir, 'density-', { pods, pollSeconds, rows });
}

const mib = (kib: number): string => (kib / 1024).toFixed(1);

const totalOf = (shares: Shares): number => [...shares.values()].reduce((sum, { pss }) => sum + pss, 0);

const partsOf = (shares: Shares): string =>
  [...shares].map(([program, { processes, pss }]) => `${program} ${processes} x ${mib(pss / processes)}`).join(', ');
