import type { CgroupDetails, FaultDetails } from '../../kernel';
import { figure, labelled, type Measured, type Metric, values } from './metric';

type Memory = NonNullable<CgroupDetails['memory']>;

const memory = (type: Metric['type'], name: string, help: string, read: (memory: Memory) => bigint | undefined) =>
  figure(type, `container_memory_${name}`, help, ({ cgroup }) => cgroup.memory && read(cgroup.memory));

export const memoryMetrics = [
  memory('gauge', 'cache', 'Page cache, in bytes', ({ cache }) => cache),
  memory('gauge', 'rss', 'Anonymous memory, in bytes', ({ rss }) => rss),
  memory('gauge', 'kernel_usage', 'Memory of the kernel, in bytes', ({ kernel }) => kernel),
  memory('gauge', 'mapped_file', 'Files that are mapped, in bytes', ({ mappedFile }) => mappedFile),
  memory('gauge', 'swap', 'Swap in use, in bytes', ({ swap }) => swap),
  memory('counter', 'failcnt', 'How often memory met its limit', ({ limitHits }) => limitHits),
  memory('gauge', 'usage_bytes', 'Memory in use, whenever it was last touched, in bytes', ({ usage }) => usage),
  memory('gauge', 'max_usage_bytes', 'The most memory that has been in use, in bytes', ({ peak }) => peak),
  memory('gauge', 'working_set_bytes', 'Memory in use but for idle files, in bytes', ({ workingSet }) => workingSet),
  memory('gauge', 'total_active_file_bytes', 'Files in use of late, in bytes', ({ activeFile }) => activeFile),
  memory('gauge', 'total_inactive_file_bytes', 'Idle files, in bytes', ({ inactiveFile }) => inactiveFile),
  labelled(
    'counter',
    'container_memory_failures_total',
    'Page faults, by their kind, of the container itself and with cgroups below it',
    ['failure_type', 'scope'],
    ({ cgroup }) => (cgroup.memory ? failures(cgroup.memory) : []),
  ),
  memory('counter', 'events_high_total', 'How often memory.high slowed the container down', ({ highHits }) => highHits),
  figure('counter', 'container_memory_events_max_total', 'How often memory met memory.max', eventsMax),
  memory('gauge', 'file_dirty_bytes', 'Page cache that is not written yet, in bytes', ({ dirty }) => dirty),
  memory('gauge', 'file_writeback_bytes', 'Page cache that is being written, in bytes', ({ writeback }) => writeback),
  memory('counter', 'pgscan_total', 'Pages that reclaim has looked at', ({ pagesScanned }) => pagesScanned),
  memory('counter', 'pgsteal_total', 'Pages that reclaim has taken', ({ pagesStolen }) => pagesStolen),
  memory(
    'counter',
    'workingset_refault_file_total',
    'Pages of files that were needed again after they had been taken',
    ({ fileRefaults }) => fileRefaults,
  ),
  memory(
    'counter',
    'workingset_refault_anon_total',
    'Anonymous pages that were needed again after they had been taken',
    ({ anonRefaults }) => anonRefaults,
  ),
];

/** An event of v2: v1 has failcnt for it. */
function eventsMax({ cgroup: { memory: read } }: Measured): bigint | undefined {
  return read?.highHits === undefined ? undefined : read.limitHits;
}

/** v2 does not tell a cgroup's own faults from those below it: as cAdvisor does, both scopes then have the same. */
function failures({ own, all }: Memory): ReturnType<Metric['read']> {
  const of = (scope: string, { pageFaults, majorPageFaults }: FaultDetails) => [
    ...values(pageFaults, { labels: ['pgfault', scope] }),
    ...values(majorPageFaults, { labels: ['pgmajfault', scope] }),
  ];
  return [...of('container', own ?? all), ...of('hierarchy', all)];
}
