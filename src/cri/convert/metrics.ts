import { type ContainerMetrics, type Metric, MetricType, type PodSandboxMetrics } from '../../wire';
import type { ContainerRecord, CriParts, MetricSample, PodRecord } from '../parts';

/** The metrics of a pod that is ready: its own, and those of its containers that have not ended. */
export function toPodMetrics(
  { podMetrics }: Pick<CriParts, 'podMetrics'>,
  pod: PodRecord,
  containers: readonly ContainerRecord[],
): PodSandboxMetrics {
  return {
    podSandboxId: pod.id,
    metrics: podMetrics.pod(pod).map(toMetric),
    containerMetrics: containers.flatMap((container): ContainerMetrics[] => {
      const samples = podMetrics.container(container, pod);
      return samples ? [{ containerId: container.id, metrics: samples.map(toMetric) }] : [];
    }),
  };
}

/** What was read for this call has no timestamp (CRI: 0): it would keep Prometheus from seeing that a container has gone. */
function toMetric({ name, type, labelValues, value, timestamp = 0n }: MetricSample): Metric {
  const metricType = type === 'counter' ? MetricType.COUNTER : MetricType.GAUGE;
  return { name, timestamp, metricType, labelValues: [...labelValues], value: { value } };
}
