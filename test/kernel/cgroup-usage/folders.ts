import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Hierarchy } from '../../../src/kernel/hierarchies';

const dirs: string[] = [];
afterEach(() => dirs.splice(0).forEach((dir) => rmSync(dir, { recursive: true })));

export type Files = Readonly<Record<string, string>>;
export type Layout = 'v1' | 'hybrid' | 'v2';

/** Hierarchies with these files: a folder for each controller of v1, and `unified`. They go with the test. */
export function hierarchiesOf(files: Files, layout: Layout): readonly Hierarchy[] {
  const root = mkdtempSync(join(tmpdir(), 'berth-cgroups-'));
  dirs.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  const names = ['cpuacct', 'cpu', 'memory', 'pids', 'freezer', 'blkio', 'hugetlb'];
  const v1 = names.map((name): Hierarchy => ({ dir: join(root, name), version: 1, controllers: [name] }));
  const unified: Hierarchy = { dir: join(root, 'unified'), version: 2, controllers: [] };
  return [...(layout === 'v2' ? [] : v1), ...(layout === 'v1' ? [] : [unified])];
}
