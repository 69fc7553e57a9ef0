import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DaemonOptions } from '../../e2e/support/daemon';
import { usesSlices, type DaemonKind } from '../../e2e/support/environment';
import { pushFixtures } from '../../e2e/support/fixtures';
import { layoutIn } from '../../e2e/support/layout';
import { drawNames, freePort } from '../../e2e/support/machine';
import { Registry } from '../../e2e/support/registry';
import { peerPath } from './peer';

/** Where daemons are measured: a folder and a registry with the fixture images; its end takes both away. */
export interface BenchPlace extends AsyncDisposable {
  /** berth, and its peer where there is one. */
  readonly kinds: readonly DaemonKind[];
  /** What a contestant of this name is started with: folders and a network of its own. */
  options(name: string, kind?: DaemonKind): Promise<DaemonOptions>;
}

/** What is measured counts, though a folder stays: that is said, and no error. */
export async function benchPlace(say: (line: string) => void): Promise<BenchPlace> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-bench-'));
  const registry = await Registry.start(join(dir, 'registry'), await freePort());
  const end = async () => {
    await registry.stop();
    const [removed] = await Promise.allSettled([rm(dir, { recursive: true, force: true })]);
    if (removed.status === 'rejected') say(`clean-up: ${String(removed.reason)}`);
  };
  try {
    await pushFixtures(registry);
    const hosts = { registry: registry.address, hostile: registry.address };
    return {
      kinds: (await peerPath()) === undefined ? ['berth'] : ['berth', 'containerd'],
      async options(name, kind) {
        const slices = kind !== undefined && usesSlices(kind);
        return { layout: layoutIn(join(dir, name), await drawNames('bench', slices)), hosts };
      },
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}
