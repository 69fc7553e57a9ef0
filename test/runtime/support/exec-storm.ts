import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Semaphore } from '../../../src/base';
import { readHierarchies } from '../../../src/kernel/hierarchies';
import { processOf } from './bundle';
import { descriptors } from './container';
import type { Stage, Staged } from './stage';
import { until } from './until';

/**
 * Runs so many commands beside a container's init, each with output on both streams and an exit code of its own. Gives
 * what was not as it has to be, or was left behind.
 */
export async function execStorm(
  stage: Stage,
  staged: Staged,
  count: number,
  concurrency: number,
): Promise<readonly string[]> {
  const before = await belongings(stage, staged);
  const problems: string[] = [];
  const lanes = new Semaphore(concurrency);
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      lanes.with(undefined, async () => {
        const problem = await one(staged, index);
        if (problem) problems.push(problem);
      }),
    ),
  );
  // The monitor closes its side of a connection when it sees ours closed: a moment later.
  const left = async () => differences(before, await belongings(stage, staged));
  await until(async () => (await left()).length === 0).catch(() => undefined);
  return [...problems, ...(await left())];
}

/** What is to be found now and was not before, or the other way round. */
function differences(before: Belongings, after: Belongings): readonly string[] {
  return Object.entries(after)
    .filter(([what, list]) => list.join('\n') !== before[what]?.join('\n'))
    .map(([what, list]) => `${what}: ${list.join(', ')}; before: ${before[what]?.join(', ')}`);
}

async function one({ monitor }: Staged, index: number): Promise<string | undefined> {
  const code = index % 256;
  const output = { stdout: '', stderr: '' };
  const args = ['sh', '-c', `echo out ${index}; echo err ${index} >&2; exit ${code}`];
  const end = await monitor.exec(
    { process: processOf(args), stdin: false, tty: false, timeoutMs: 0, outputCap: 0 },
    {
      stdout: (data) => void (output.stdout += data.toString()),
      stderr: (data) => void (output.stderr += data.toString()),
    },
  ).end;
  const found = JSON.stringify({ ...end, ...output });
  const expected = JSON.stringify({
    ...{ status: { kind: 'exited', code }, timedOut: false, truncated: false },
    ...{ stdout: `out ${index}\n`, stderr: `err ${index}\n` },
  });
  return found === expected ? undefined : `exec ${index}: ${found}, not ${expected}`;
}

type Belongings = Readonly<Record<string, readonly string[]>>;

/** Everything that an exec could leave: the monitor's descriptors and children, files, processes in the cgroups. */
async function belongings(stage: Stage, staged: Staged): Promise<Belongings> {
  const { request, process: monitor } = staged;
  const { state } = staged.monitor;
  const init = state.kind === 'running' ? state.init.pid : 0;
  const children = await readFile(`/proc/${monitor.pid}/task/${monitor.pid}/children`, 'utf8');
  return {
    descriptors: [...(await descriptors(monitor.pid))].sort(),
    children: children.trim().split(' '),
    files: await readdir(dirname(request.pidFile)),
    sockets: (await readdir(stage.workspace.path)).sort(),
    cgroups: await cgroupsOf(init),
  };
}

/** The folders of the process's cgroups with what is in and below each; without those that it shares with the machine. */
async function cgroupsOf(pid: number): Promise<readonly string[]> {
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).trim().split('\n');
  const own = lines.map((line) => line.split(':')[2] ?? '/').filter((path) => path.includes('berth-test-'));
  const found: string[] = [];
  for (const { dir } of await readHierarchies())
    for (const path of new Set(own)) {
      const folder = join(dir, path);
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
      const procs = below.length + entries.length > 0 ? await readFile(join(folder, 'cgroup.procs'), 'utf8') : '';
      found.push(`${folder}: ${procs.trim().split('\n').join(' ')} ${below.join(' ')}`.trim());
    }
  return found;
}
