import type { CgroupPart } from '../../kernel';
import { alwaysMetrics } from './always';
import { cpuMetrics } from './cpu';
import { diskMetrics } from './disk';
import { diskIoMetrics } from './disk-io';
import { hugetlbMetrics } from './hugetlb';
import { memoryMetrics } from './memory';
import type { Metric } from './metric';
import { networkMetrics } from './network';
import { oomMetrics } from './oom';
import { pressureMetrics } from './pressure';
import { processMetrics } from './process';
import { specMetrics } from './spec';

interface Family {
  readonly metrics: readonly Metric[];
  /** What of the cgroup it needs to be read. */
  readonly part?: CgroupPart;
}

/** The families, as the configuration names them (`observe.pod_metrics`). */
export const families = {
  cpu: { metrics: cpuMetrics, part: 'cpu' },
  memory: { metrics: memoryMetrics, part: 'memory' },
  disk: { metrics: diskMetrics },
  diskIO: { metrics: diskIoMetrics, part: 'io' },
  hugetlb: { metrics: hugetlbMetrics, part: 'hugetlb' },
  network: { metrics: networkMetrics },
  oom: { metrics: oomMetrics, part: 'oom' },
  process: { metrics: processMetrics, part: 'tasks' },
  spec: { metrics: specMetrics },
  pressure: { metrics: pressureMetrics, part: 'pressure' },
} satisfies Record<string, Family>;

export type MetricFamily = keyof typeof families;

/** Labels of every metric, those of its own behind them: the kubelet's for cAdvisor's. */
export const baseLabels = ['container', 'id', 'image', 'name', 'namespace', 'pod'] as const;

/** Every metric that there may be, of families that are off, too: the kubelet asks for them once in its life. */
export const allMetrics: readonly Metric[] = [
  ...alwaysMetrics,
  ...Object.values(families).flatMap(({ metrics }): readonly Metric[] => metrics),
];

/** The metrics of these families, and what of a cgroup has to be read for them. */
export function chosen(names: readonly MetricFamily[]): {
  readonly metrics: readonly Metric[];
  readonly parts: ReadonlySet<CgroupPart>;
} {
  const some = [...new Set(names)].map((name): Family => families[name]);
  return {
    metrics: [...alwaysMetrics, ...some.flatMap(({ metrics }) => metrics)],
    parts: new Set(some.flatMap(({ part }) => part ?? [])),
  };
}
