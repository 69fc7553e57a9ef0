import { readSmall } from './file';
import { memoryReading } from './memory-reading';
import { figureOf, limitOf, wholeNumber } from './parse';
import type { MemoryReading, SwapReading } from './usage';

/** CPU time in nanoseconds, of a cgroup of the cpuacct controller. */
export function cpuOfV1(dir: string): bigint | undefined {
  return wholeNumber(readSmall(`${dir}/cpuacct.usage`) ?? '');
}

const names = {
  inactive: 'total_inactive_file',
  rss: 'total_rss',
  pageFaults: 'total_pgfault',
  majorPageFaults: 'total_pgmajfault',
};

/** Memory and swap of a cgroup of v1's memory controller; the `total_` figures have what is below it too. */
export function memoryOfV1(dir: string): { readonly memory: MemoryReading; readonly swap?: SwapReading } | undefined {
  const stat = readSmall(`${dir}/memory.stat`);
  const usage = wholeNumber(readSmall(`${dir}/memory.usage_in_bytes`) ?? '');
  if (stat === undefined || usage === undefined) return undefined;
  // Without a limit here or above there is none to read.
  const limited = limitOf(figureOf(stat, 'hierarchical_memory_limit')) !== undefined;
  const limit = limited ? limitOf(wholeNumber(readSmall(`${dir}/memory.limit_in_bytes`) ?? '')) : undefined;
  const swap = swapOf(stat);
  return { memory: memoryReading(usage, limit, stat, names), ...(swap && { swap }) };
}

/** v1 limits memory and swap together: what the sum allows beyond the memory is the swap's. Not counted: undefined. */
function swapOf(stat: string): SwapReading | undefined {
  const usage = figureOf(stat, 'total_swap');
  if (usage === undefined) return undefined;
  const both = limitOf(figureOf(stat, 'hierarchical_memsw_limit'));
  const memory = limitOf(figureOf(stat, 'hierarchical_memory_limit'));
  return { usage, ...(both !== undefined && memory !== undefined && { limit: both > memory ? both - memory : 0n }) };
}
