import type { MemoryDetails } from './details';
import { numberIn, readSmall } from './file';
import { figureOf } from './parse';

/** Of a cgroup of v1's memory controller; the `total_` figures of memory.stat have what is below it too. */
export function memoryDetailsOfV1(dir: string): MemoryDetails | undefined {
  const stat = readSmall(`${dir}/memory.stat`);
  const usage = numberIn(`${dir}/memory.usage_in_bytes`);
  if (stat === undefined || usage === undefined) return undefined;
  const total = (key: string) => figureOf(stat, `total_${key}`);
  const inactiveFile = total('inactive_file');
  return {
    usage,
    workingSet: workingSet(usage, inactiveFile),
    own: { pageFaults: figureOf(stat, 'pgfault'), majorPageFaults: figureOf(stat, 'pgmajfault') },
    all: { pageFaults: total('pgfault'), majorPageFaults: total('pgmajfault') },
    peak: numberIn(`${dir}/memory.max_usage_in_bytes`),
    cache: total('cache'),
    rss: total('rss'),
    mappedFile: total('mapped_file'),
    kernel: numberIn(`${dir}/memory.kmem.usage_in_bytes`),
    swap: total('swap'),
    activeFile: total('active_file'),
    inactiveFile,
    dirty: total('dirty'),
    writeback: total('writeback'),
    limitHits: numberIn(`${dir}/memory.failcnt`),
    fileRefaults: total('workingset_refault_file'),
    anonRefaults: total('workingset_refault_anon'),
  };
}

/** Of a cgroup of v2; undefined where its parent does not hand the controller down. */
export function memoryDetailsOfV2(dir: string): MemoryDetails | undefined {
  const usage = numberIn(`${dir}/memory.current`);
  const stat = usage === undefined ? undefined : readSmall(`${dir}/memory.stat`);
  if (usage === undefined || stat === undefined) return undefined;
  const events = readSmall(`${dir}/memory.events`) ?? '';
  const inactiveFile = figureOf(stat, 'inactive_file');
  return {
    usage,
    workingSet: workingSet(usage, inactiveFile),
    all: { pageFaults: figureOf(stat, 'pgfault'), majorPageFaults: figureOf(stat, 'pgmajfault') },
    peak: numberIn(`${dir}/memory.peak`),
    cache: figureOf(stat, 'file'),
    rss: figureOf(stat, 'anon'),
    mappedFile: figureOf(stat, 'file_mapped'),
    kernel: figureOf(stat, 'kernel'),
    swap: numberIn(`${dir}/memory.swap.current`),
    activeFile: figureOf(stat, 'active_file'),
    inactiveFile,
    dirty: figureOf(stat, 'file_dirty'),
    writeback: figureOf(stat, 'file_writeback'),
    limitHits: figureOf(events, 'max'),
    highHits: figureOf(events, 'high'),
    pagesScanned: figureOf(stat, 'pgscan'),
    pagesStolen: figureOf(stat, 'pgsteal'),
    fileRefaults: figureOf(stat, 'workingset_refault_file'),
    anonRefaults: figureOf(stat, 'workingset_refault_anon'),
  };
}

/** As cAdvisor and the kubelet have it: what is not a file's and idle. */
function workingSet(usage: bigint, inactiveFile = 0n): bigint {
  return usage > inactiveFile ? usage - inactiveFile : 0n;
}
