import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Workspace } from '../support/bundle';
import { descriptors, TestContainer } from '../support/container';
import { until } from '../support/until';
import { slow } from '../../slow.cjs';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

interface Footprint {
  readonly descriptors: number;
  readonly children: number;
  readonly files: number;
  readonly threads: number;
  /** KiB of memory that is the process's own. */
  readonly memory: number;
}

async function footprint(container: TestContainer): Promise<Footprint> {
  const pid = container.process.pid ?? 0;
  const read = async (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8');
  const memory = /^Private_Dirty:\s+(\d+)/m.exec(await read('smaps_rollup'))?.[1];
  const children = (await read(`task/${pid}/children`)).trim().split(' ');
  return {
    descriptors: (await descriptors(pid)).length,
    children: children.filter((child) => child !== '').length,
    files: (await readdir(dirname(container.request.pidFile))).length,
    threads: (await readdir(`/proc/${pid}/task`)).length,
    memory: Number(memory),
  };
}

test(
  'execs in their hundreds leave nothing behind',
  async () => {
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'], runtime: 'fake' });
    const many = async (round: number) => {
      const ends = await Promise.all(
        Array.from({ length: Math.ceil(100 / slow) }, async (_, i) => {
          const args = ['sh', '-c', `echo ${i}; head -c 3000 /dev/zero; exit ${(round + i) % 9}`];
          return container.exec(args, { timeoutMs: 60_000, outputCap: 1000 });
        }),
      );
      for (const [i, end] of ends.entries()) {
        expect(end).toMatchObject({ timedOut: false, truncated: true, status: { code: (round + i) % 9 } });
        expect(end.stdout.startsWith(`${i}\n`) && end.stdout.length === 1000).toBe(true);
      }
    };
    await many(0);
    await until(async () => (await footprint(container)).children === 1);
    const before = await footprint(container);
    for (let round = 1; round < 20; round++) await many(round);
    // Connections and memory are given back in their own time.
    await until(async () => {
      const now = await footprint(container);
      return (Object.keys(before) as (keyof Footprint)[]).every((what) => now[what] <= before[what]);
    });
  },
  120_000 * slow,
);
