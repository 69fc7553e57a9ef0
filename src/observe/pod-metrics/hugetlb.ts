import type { CgroupDetails } from '../../kernel';
import { labelled, type Metric, values } from './metric';

type HugePages = NonNullable<CgroupDetails['hugetlb']>[number];

const perSize = (type: Metric['type'], name: string, help: string, read: (pages: HugePages) => bigint | undefined) =>
  labelled(type, `container_hugetlb_${name}`, help, ['pagesize'], ({ cgroup }) =>
    (cgroup.hugetlb ?? []).flatMap((pages) => values(read(pages), { labels: [pages.size] })),
  );

export const hugetlbMetrics = [
  perSize('counter', 'failcnt', 'How often huge pages met their limit', ({ limitHits }) => limitHits),
  perSize('gauge', 'usage_bytes', 'Huge pages in use, in bytes', ({ usage }) => usage),
  perSize('gauge', 'max_usage_bytes', 'The most huge pages that have been in use, in bytes', ({ peak }) => peak),
];
