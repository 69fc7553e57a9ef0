import { type Hierarchy, readHierarchies } from '../hierarchies';
import { cpuDetailsOfV1, cpuDetailsOfV2 } from './cpu-details';
import type { CgroupDetailMeter, TaskDetails } from './details';
import { numberIn, readSmall } from './file';
import { hugePageSizes, hugetlbOfV1, hugetlbOfV2 } from './hugetlb';
import { ioOfV1, ioOfV2 } from './io-details';
import { memoryDetailsOfV1, memoryDetailsOfV2 } from './memory-details';
import { figureOf } from './parse';
import { pressureOf } from './v2';

/** The meter of the hierarchies and huge pages that are there now. */
export async function openCgroupDetailMeter(): Promise<CgroupDetailMeter> {
  return cgroupDetailMeter(await readHierarchies(), await hugePageSizes());
}

/** Each part comes from v1's controller where there is one, from v2 otherwise; pressure always from v2. */
export function cgroupDetailMeter(hierarchies: readonly Hierarchy[], pageSizes: readonly string[]): CgroupDetailMeter {
  const unified = hierarchies.find(({ version }) => version === 2)?.dir;
  const v1 = (controller: string) => hierarchies.find(({ controllers }) => controllers.includes(controller))?.dir;
  const [cpuacct, cpu, memory, blkio, hugetlb] = ['cpuacct', 'cpu', 'memory', 'blkio', 'hugetlb'].map(v1);
  const tasksDir = v1('pids') ?? unified;

  const below = (dir: string | undefined, path: string) => (dir === undefined ? undefined : dir + path);
  const oomKills = (path: string) => {
    const file = below(memory, `${path}/memory.oom_control`) ?? below(unified, `${path}/memory.events`);
    // In oom_control since Linux 4.13.
    return file === undefined ? undefined : figureOf(readSmall(file) ?? '', 'oom_kill');
  };
  /** What is read of a cgroup in v1's folder by the one function, or in v2's by the other. */
  const either = <T>(dir: string | undefined, ofV1: Read<T>, ofV2: Read<T>) => {
    const [from, read] = dir === undefined ? [unified, ofV2] : [dir, ofV1];
    return (path: string) => (from === undefined ? undefined : read(from + path));
  };

  const readCpu =
    cpuacct === undefined && cpu === undefined
      ? either(undefined, cpuDetailsOfV2, cpuDetailsOfV2)
      : (path: string) => cpuDetailsOfV1(below(cpuacct, path), below(cpu, path));
  const readMemory = either(memory, memoryDetailsOfV1, memoryDetailsOfV2);
  const readIo = either(blkio, ioOfV1, ioOfV2);
  const readHugetlb = either(
    hugetlb,
    (dir) => hugetlbOfV1(dir, pageSizes),
    (dir) => hugetlbOfV2(dir, pageSizes),
  );

  return {
    oomKillsAreOfTheTree: memory === undefined,
    read(path, parts) {
      const of = <T>(wanted: boolean, read: Read<T>) => (wanted ? read(path) : undefined);
      return {
        cpu: of(parts.has('cpu'), readCpu),
        memory: of(parts.has('memory'), readMemory),
        io: of(parts.has('io'), readIo),
        hugetlb: of(parts.has('hugetlb'), readHugetlb),
        oomKills: of(parts.has('oom'), oomKills),
        tasks: of(parts.has('tasks'), () => (tasksDir === undefined ? undefined : tasksIn(tasksDir + path))),
        pressure: of(parts.has('pressure'), () => (unified === undefined ? undefined : pressureOf(unified + path))),
      };
    },
  };
}

/** Reads something of a folder; undefined if it is not there. */
type Read<T> = (dir: string) => T | undefined;

function tasksIn(dir: string): TaskDetails | undefined {
  const current = numberIn(`${dir}/pids.current`);
  if (current === undefined) return undefined;
  return { current, max: numberIn(`${dir}/pids.max`) };
}
