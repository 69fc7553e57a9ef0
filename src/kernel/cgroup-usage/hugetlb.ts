import { readdir } from 'node:fs/promises';
import { errnoOf } from '../../base';
import { fileError } from '../errors';
import type { HugePages } from './details';
import { numberIn, readSmall } from './file';
import { figureOf } from './parse';

const folder = '/sys/kernel/mm/hugepages';

/** The sizes of huge pages that this machine has, as files of cgroups name them; none without huge pages. */
export async function hugePageSizes(): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fileError({ op: 'read the sizes of huge pages', object: folder }, error);
  });
  return names.flatMap((name) => sizeOf(name) ?? []);
}

/** `hugepages-2048kB` is `2MB` in names of cgroups' files (mm/hugetlb_cgroup.c). */
export function sizeOf(name: string): string | undefined {
  const kib = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1]);
  if (Number.isNaN(kib)) return undefined;
  if (kib >= 1 << 20) return `${kib / (1 << 20)}GB`;
  return kib >= 1 << 10 ? `${kib / (1 << 10)}MB` : `${kib}KB`;
}

/**
 * Of a cgroup of v1's hugetlb controller: what is reserved, where the kernel counts that (5.7), which is what a limit
 * holds back first; what is in use otherwise. cAdvisor does the same.
 */
export function hugetlbOfV1(dir: string, sizes: readonly string[]): readonly HugePages[] | undefined {
  return ofSizes(sizes, (size) => {
    for (const prefix of [`${dir}/hugetlb.${size}.rsvd`, `${dir}/hugetlb.${size}`]) {
      const usage = numberIn(`${prefix}.usage_in_bytes`);
      if (usage === undefined) continue;
      const peak = numberIn(`${prefix}.max_usage_in_bytes`);
      return { size, usage, peak, limitHits: numberIn(`${prefix}.failcnt`) };
    }
    return undefined;
  });
}

/** Of a cgroup of v2; the same. */
export function hugetlbOfV2(dir: string, sizes: readonly string[]): readonly HugePages[] | undefined {
  return ofSizes(sizes, (size) => {
    const prefix = `${dir}/hugetlb.${size}`;
    const usage = numberIn(`${prefix}.rsvd.current`) ?? numberIn(`${prefix}.current`);
    if (usage === undefined) return undefined;
    return { size, usage, limitHits: figureOf(readSmall(`${prefix}.events`) ?? '', 'max') };
  });
}

function ofSizes(sizes: readonly string[], read: (size: string) => HugePages | undefined): HugePages[] | undefined {
  const found = sizes.flatMap((size) => read(size) ?? []);
  return found.length > 0 ? found : undefined;
}
