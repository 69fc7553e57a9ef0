import { type ContainerMetrics, type Metric, MetricType } from '../../wire';
import type { ContainerRecord, CriParts, MetricSample, PodRecord } from '../parts';

type Parts = Pick<CriParts, 'podMetrics'>;

/** The metrics of a pod that is ready, as a whole. */
export function toPodMetrics({ podMetrics }: Parts, pod: PodRecord): Metric[] {
  return podMetrics.pod(pod).map(toMetric);
}

/** The metrics of a container of that pod; none once it has ended. */
export function toContainerMetrics(
  { podMetrics }: Parts,
  pod: PodRecord,
  container: ContainerRecord,
): ContainerMetrics[] {
  const samples = podMetrics.container(container, pod);
  return samples ? [{ containerId: container.id, metrics: samples.map(toMetric) }] : [];
}

/** What was read for this call has no timestamp (CRI: 0): it would keep Prometheus from seeing that a container has gone. */
function toMetric({ name, type, labelValues, value, timestamp = 0n }: MetricSample): Metric {
  const metricType = type === 'counter' ? MetricType.COUNTER : MetricType.GAUGE;
  return { name, timestamp, metricType, labelValues: [...labelValues], value: { value } };
}
