import { nowNs } from '../../base';
import { type Hierarchy, readHierarchies } from '../hierarchies';
import { ownDescriptors } from '../own-descriptors';
import { numberIn, type ReadFile } from './file';
import { KeptFiles } from './kept-files';
import type { CgroupMeter, CgroupUsage } from './usage';
import { cpuOfV1, memoryOfV1 } from './v1';
import { cpuOfV2, memoryOfV2, pressureOf } from './v2';

/** The meter of the hierarchies that are mounted now. */
export async function openCgroupMeter(): Promise<CgroupMeter> {
  // Six to ten files for each pod and each container; what else this process needs descriptors for comes first.
  const most = Math.min(8192, Math.floor(ownDescriptors().limit / 4));
  return cgroupMeter(await readHierarchies(), new KeptFiles(most));
}

/** Each figure comes from v1's controller where there is one, from v2 otherwise; pressure always from v2. */
export function cgroupMeter(hierarchies: readonly Hierarchy[], files: KeptFiles): CgroupMeter {
  const unified = hierarchies.find(({ version }) => version === 2)?.dir;
  const v1 = (controller: string) => hierarchies.find(({ controllers }) => controllers.includes(controller))?.dir;
  const [cpuacct, memory, pids] = [v1('cpuacct'), v1('memory'), v1('pids')];
  const pidsDir = pids ?? unified;

  const readCpu = (path: string, read?: ReadFile) => {
    if (cpuacct !== undefined) return cpuOfV1(cpuacct + path, read);
    return unified === undefined ? undefined : cpuOfV2(unified + path, read);
  };
  const readMemory = (path: string) => {
    if (memory !== undefined) return memoryOfV1(memory + path, files.read);
    return unified === undefined ? undefined : memoryOfV2(unified + path, files.read);
  };

  return {
    read(path) {
      const cpuNs = readCpu(path, files.read);
      const used = readMemory(path);
      // One that is gone from here is gone elsewhere, or is going.
      if (cpuNs === undefined && !used) return undefined;
      const pressure = unified === undefined ? undefined : pressureOf(unified + path, files.read);
      const usage: CgroupUsage = { timestamp: nowNs(), ...(cpuNs !== undefined && { cpuNs }), ...used };
      return pressure ? { ...usage, pressure } : usage;
    },
    cpuNs: (path) => readCpu(path),
    tasks(path) {
      return pidsDir === undefined ? undefined : numberIn(`${pidsDir}${path}/pids.current`, files.read);
    },
    sweep: () => files.sweep(),
    close: () => files.close(),
  };
}
