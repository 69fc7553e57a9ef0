import { readSmall } from './file';
import { figureOf, limitOf, parsePressure, wholeNumber } from './parse';
import type { CgroupUsage, MemoryReading, Pressure, SwapReading } from './usage';

/** CPU time in nanoseconds: every cgroup of v2 has it, with the controller or without. */
export function cpuOfV2(dir: string): bigint | undefined {
  const us = figureOf(readSmall(`${dir}/cpu.stat`) ?? '', 'usage_usec');
  return us === undefined ? undefined : us * 1000n;
}

/** Memory and swap of a cgroup of v2; undefined where its parent does not hand the controller down. */
export function memoryOfV2(dir: string): { readonly memory: MemoryReading; readonly swap?: SwapReading } | undefined {
  const usage = wholeNumber(readSmall(`${dir}/memory.current`) ?? '');
  const stat = usage === undefined ? undefined : readSmall(`${dir}/memory.stat`);
  if (usage === undefined || stat === undefined) return undefined;
  const limit = limitOf(wholeNumber(readSmall(`${dir}/memory.max`) ?? ''));
  const inactive = figureOf(stat, 'inactive_file') ?? 0n;
  const swap = swapOf(dir);
  return {
    memory: {
      usage,
      workingSet: usage > inactive ? usage - inactive : 0n,
      ...(limit !== undefined && { limit }),
      rss: figureOf(stat, 'anon') ?? 0n,
      pageFaults: figureOf(stat, 'pgfault') ?? 0n,
      majorPageFaults: figureOf(stat, 'pgmajfault') ?? 0n,
    },
    ...(swap && { swap }),
  };
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
