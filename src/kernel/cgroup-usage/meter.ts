import { nowNs } from '../../base';
import { type Hierarchy, readHierarchies } from '../hierarchies';
import { readSmall } from './file';
import { wholeNumber } from './parse';
import type { CgroupMeter, CgroupUsage } from './usage';
import { cpuOfV1, memoryOfV1 } from './v1';
import { cpuOfV2, memoryOfV2, pressureOf } from './v2';

/** The meter of the hierarchies that are mounted now. */
export async function openCgroupMeter(): Promise<CgroupMeter> {
  return cgroupMeter(await readHierarchies());
}

/** Each figure comes from v1's controller where there is one, from v2 otherwise; pressure always from v2. */
export function cgroupMeter(hierarchies: readonly Hierarchy[]): CgroupMeter {
  const unified = hierarchies.find(({ version }) => version === 2)?.dir;
  const v1 = (controller: string) => hierarchies.find(({ controllers }) => controllers.includes(controller))?.dir;
  const [cpuacct, memory, pids] = [v1('cpuacct'), v1('memory'), v1('pids')];
  const pidsDir = pids ?? unified;

  const readCpu = (path: string) => {
    if (cpuacct !== undefined) return cpuOfV1(cpuacct + path);
    return unified === undefined ? undefined : cpuOfV2(unified + path);
  };
  const readMemory = (path: string) => {
    if (memory !== undefined) return memoryOfV1(memory + path);
    return unified === undefined ? undefined : memoryOfV2(unified + path);
  };

  return {
    read(path) {
      const cpuNs = readCpu(path);
      const used = readMemory(path);
      // One that is gone from here is gone elsewhere, or is going.
      if (cpuNs === undefined && !used) return undefined;
      const pressure = unified === undefined ? undefined : pressureOf(unified + path);
      const usage: CgroupUsage = { timestamp: nowNs(), ...(cpuNs !== undefined && { cpuNs }), ...used };
      return pressure ? { ...usage, pressure } : usage;
    },
    cpuNs: readCpu,
    tasks(path) {
      return pidsDir === undefined ? undefined : wholeNumber(readSmall(`${pidsDir}${path}/pids.current`) ?? '');
    },
  };
}
