import { numberIn, type ReadFile, readSmall } from './file';
import { memoryReading } from './memory-reading';
import { figureOf, limitOf, parsePressure } from './parse';
import type { CgroupUsage, MemoryReading, Pressure, SwapReading } from './usage';

/** CPU time in nanoseconds: every cgroup of v2 has it, with the controller or without. */
export function cpuOfV2(dir: string, read: ReadFile = readSmall): bigint | undefined {
  const us = figureOf(read(`${dir}/cpu.stat`) ?? '', 'usage_usec');
  return us === undefined ? undefined : us * 1000n;
}

const names = { inactive: 'inactive_file', rss: 'anon', pageFaults: 'pgfault', majorPageFaults: 'pgmajfault' };

/** Memory and swap of a cgroup of v2; undefined where its parent does not hand the controller down. */
export function memoryOfV2(
  dir: string,
  read: ReadFile,
): { readonly memory: MemoryReading; readonly swap?: SwapReading } | undefined {
  const usage = numberIn(`${dir}/memory.current`, read);
  const stat = usage === undefined ? undefined : read(`${dir}/memory.stat`);
  if (usage === undefined || stat === undefined) return undefined;
  const limit = limitOf(numberIn(`${dir}/memory.max`, read));
  const swap = swapOf(dir, read);
  return { memory: memoryReading(usage, limit, stat, names), ...(swap && { swap }) };
}

function swapOf(dir: string, read: ReadFile): SwapReading | undefined {
  const usage = numberIn(`${dir}/memory.swap.current`, read);
  if (usage === undefined) return undefined;
  const limit = limitOf(numberIn(`${dir}/memory.swap.max`, read));
  return { usage, ...(limit !== undefined && { limit }) };
}

/** Pressure, which v2 alone has; undefined where the kernel keeps none, which the first file tells. */
export function pressureOf(dir: string, read: ReadFile = readSmall): CgroupUsage['pressure'] {
  const cpu = pressureFile(`${dir}/cpu.pressure`, read);
  if (!cpu) return undefined;
  const memory = pressureFile(`${dir}/memory.pressure`, read);
  const io = pressureFile(`${dir}/io.pressure`, read);
  return { cpu, ...(memory && { memory }), ...(io && { io }) };
}

function pressureFile(path: string, read: ReadFile): Pressure | undefined {
  const text = read(path);
  return text === undefined ? undefined : parsePressure(text);
}
