import { readdir, writeFile } from 'node:fs/promises';
import { readProc } from '../proc';

/** Linux tells processor time in hundredths of a second, on every architecture that berth runs on. */
const tickMs = 10;

/** Processor time of the tree under a process: of those that live, and of those that they have waited for. */
export async function cpuMsOf(pid: number): Promise<number> {
  let total = 0;
  for (const member of await treeOf(pid)) {
    // utime, stime, cutime and cstime (proc(5)).
    total += await timesOf(member, 4);
  }
  return total;
}

/** Processor time of the process alone: utime and stime (proc(5)). */
export function ownCpuMsOf(pid: number): Promise<number> {
  return timesOf(pid, 2);
}

/** The sum of so many of its times; 0 if it is gone. */
async function timesOf(pid: number, count: number): Promise<number> {
  const stat = await readProc(pid, 'stat');
  const times = stat === undefined ? [] : fieldsOf(stat).slice(11, 11 + count);
  return times.reduce((sum, ticks) => sum + Number(ticks) * tickMs, 0);
}

/** Resident memory of one process now, and its peak since `forgetPeak`; bytes. */
export async function memoryOf(pid: number): Promise<{ readonly now: number; readonly peak: number }> {
  const status = (await readProc(pid, 'status')) ?? '';
  const bytes = (key: string) => Number(new RegExp(`^${key}:\\s+([0-9]+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/** Lets the peak of a process begin anew (proc(5), clear_refs). */
export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

/** The most that the processes below this one hold together, looked at five times a second until it is stopped; bytes. */
export function watchHelpers(pid: number): { stop(): Promise<number> } {
  let [peak, over] = [0, false];
  const watching = (async () => {
    while (!over) {
      const [, ...below] = await treeOf(pid);
      const held = await Promise.all(below.map(async (member) => (await memoryOf(member)).now));
      peak = Math.max(
        peak,
        held.reduce((sum, bytes) => sum + bytes, 0),
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })();
  return {
    async stop() {
      over = true;
      await watching;
      return peak;
    },
  };
}

/** The process first, then all below it. */
async function treeOf(root: number): Promise<readonly number[]> {
  const children = new Map<number, number[]>();
  for (const name of await readdir('/proc')) {
    const stat = /^[0-9]+$/.test(name) ? await readProc(Number(name), 'stat') : undefined;
    if (stat === undefined) continue;
    const parent = Number(fieldsOf(stat)[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (const member of tree) tree.push(...(children.get(member) ?? []));
  return tree;
}

/** The fields of /proc/<pid>/stat from the third on: the name before them, in parentheses, may hold anything. */
function fieldsOf(stat: string): readonly string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
