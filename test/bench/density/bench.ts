import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { usesSlices, type DaemonKind } from '../../../e2e/support/environment';
import { pushFixtures } from '../../../e2e/support/fixtures';
import { layoutIn } from '../../../e2e/support/layout';
import { drawNames, freePort } from '../../../e2e/support/machine';
import { Registry } from '../../../e2e/support/registry';
import { peerPath } from '../peer';
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
  const dir = await mkdtemp(join(tmpdir(), 'berth-bench-'));
  const registry = await Registry.start(join(dir, 'registry'), await freePort());
  try {
    await pushFixtures(registry);
    const hosts = { registry: registry.address, hostile: registry.address };
    const kinds: readonly DaemonKind[] = (await peerPath()) === undefined ? ['berth'] : ['berth', 'containerd'];
    const rows = [];
    for (const kind of kinds) {
      const layout = layoutIn(join(dir, kind), await drawNames('bench', usesSlices(kind)));
      const { version, shares } = await density(kind, { layout, hosts }, { pods, pollSeconds });
      const kib = totalOf(shares);
      rows.push({ version, kib, shares: Object.fromEntries(shares) });
      say(`${version} with ${pods} pods: ${mib(kib)} MiB (${partsOf(shares)})`);
      if (kind === 'berth') say(`  <= ${mib(barKib)} MiB: ${kib <= barKib ? 'met' : 'MISSED'}`);
    }
    return await writeResult(resultDir, 'density-', { pods, pollSeconds, rows });
  } finally {
    await registry.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

const mib = (kib: number): string => (kib / 1024).toFixed(1);

const totalOf = (shares: Shares): number => [...shares.values()].reduce((sum, { pss }) => sum + pss, 0);

const partsOf = (shares: Shares): string =>
  [...shares].map(([program, { processes, pss }]) => `${program} ${processes} x ${mib(pss / processes)}`).join(', ');
