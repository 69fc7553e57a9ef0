import { readSmall } from './file';
import { memoryReading } from './memory-reading';
import { figureOf, limitOf, parsePressure, wholeNumber } from './parse';
import type { CgroupUsage, MemoryReading, Pressure, SwapReading } from './usage';

/** CPU time in nanoseconds: every cgroup of v2 has it, with the controller or without. */
export function cpuOfV2(dir: string): bigint | undefined {
  const us = figureOf(readSmall(`${dir}/cpu.stat`) ?? '', 'usage_usec');
  return us === undefined ? undefined : us * 1000n;
}

const names = { inactive: 'inactive_file', rss: 'anon', pageFaults: 'pgfault', majorPageFaults: 'pgmajfault' };

/** Memory and swap of a cgroup of v2; undefined where its parent does not hand the controller down. */
export function memoryOfV2(dir: string): { readonly memory: MemoryReading; readonly swap?: SwapReading } | undefined {
  const usage = wholeNumber(readSmall(`${dir}/memory.current`) ?? '');
  const stat = usage === undefined ? undefined : readSmall(`${dir}/memory.stat`);
  if (usage === undefined || stat === undefined) return undefined;
  const limit = limitOf(wholeNumber(readSmall(`${dir}/memory.max`) ?? ''));
  const swap = swapOf(dir);
  return { memory: memoryReading(usage, limit, stat, names), ...(swap && { swap }) };
}

function swapOf(dir: string): SwapReading | undefined {
  const usage = wholeNumber(readSmall(`${dir}/memory.swap.current`) ?? '');
  if (usage === undefined) return undefined;
  const limit = limitOf(wholeNumber(readSmall(`${dir}/memory.swap.max`) ?? ''));
  return { usage, ...(limit !== undefined && { limit }) };
}

/** Pressure, which v2 alone has; undefined where the kernel keeps none, which the first file tells. */
export function pressureOf(dir: string): CgroupUsage['pressure'] {
  const cpu = pressureFile(`${dir}/cpu.pressure`);
  if (!cpu) return undefined;
  const memory = pressureFile(`${dir}/memory.pressure`);
  const io = pressureFile(`${dir}/io.pressure`);
  return { cpu, ...(memory && { memory }), ...(io && { io }) };
}

function pressureFile(path: string): Pressure | undefined {
  const text = readSmall(path);
  return text === undefined ? undefined : parsePressure(text);
}
