import { readFile } from 'node:fs/promises';
import { BerthError, errnoOf } from '../base';
import type { ResourcesOf } from '../spec';
import type { LinuxContainerResources } from '../wire';

/** Where the kernel lists what is there (cpu.rst, numa): `0-3,8`. */
const online = {
  cpusetCpus: { file: '/sys/devices/system/cpu/online', field: 'cpuset_cpus', what: 'CPU' },
  cpusetMems: { file: '/sys/devices/system/node/online', field: 'cpuset_mems', what: 'memory node' },
} as const;

/**
 * Checks that the CPUs and memory nodes of a cpuset are there: half-way through an update the kernel's refusal could not be
 * taken back whole, and says nothing of what there is. @throws `argument-invalid`, naming the field.
 */
export async function checkCpusets(
  { op, object, field }: ResourcesOf,
  resources: LinuxContainerResources,
): Promise<void> {
  for (const key of ['cpusetCpus', 'cpusetMems'] as const) {
    if (resources[key] === '') continue;
    const { file, field: name, what } = online[key];
    const text = await listIn(file);
    if (text === undefined) continue;
    const there = numbersOf(text);
    const missing = [...numbersOf(resources[key])].find((number) => !there.has(number));
    if (missing === undefined) continue;
    const detail = `${field}.${name} is ${resources[key]}: there is no ${what} ${missing}, this node has ${text}`;
    throw new BerthError('argument-invalid', { op, object, detail });
  }
}

/** A kernel without NUMA has no list of nodes: what is asked for is then its to judge. */
async function listIn(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The numbers of a list such as 0-2,5; its form has been checked. */
function numbersOf(list: string): ReadonlySet<number> {
  return new Set(
    list.split(',').flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
    }),
  );
}
