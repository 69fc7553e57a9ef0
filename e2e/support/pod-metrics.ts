import { MetricType, type Metric, type MetricDescriptor } from '../../src/wire';
import type { World } from './world';

/** One time series, with its labels as the descriptor names them. */
export interface Series {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Nanoseconds since the epoch; 0n: read for the call. */
  readonly timestamp: bigint;
}

/** All that a kubelet would make of ListPodSandboxMetrics; a series that it would refuse is an error. */
export async function allSeries(world: World): Promise<readonly Series[]> {
  const descriptors = new Map((await world.cri.metricDescriptors()).map((one) => [one.name, one]));
  const pods = await world.cri.podMetrics();
  const metrics = pods.flatMap((pod) => [...pod.metrics, ...pod.containerMetrics.flatMap((one) => one.metrics)]);
  return metrics.map((metric) => seriesOf(metric, descriptors.get(metric.name)));
}

/** As Prometheus' client library does, which the kubelet uses. */
function seriesOf(metric: Metric, descriptor: MetricDescriptor | undefined): Series {
  const { name, labelValues, metricType, timestamp, value } = metric;
  if (!descriptor) throw new Error(`${name} was not announced`);
  if (descriptor.labelKeys.length !== labelValues.length)
    throw new Error(`${name} has ${labelValues.length} values of ${descriptor.labelKeys.length} labels`);
  const labels = Object.fromEntries(descriptor.labelKeys.map((key, index) => [key, labelValues[index] ?? '']));
  const type = metricType === MetricType.COUNTER ? 'counter' : 'gauge';
  return { name, type, labels, value: Number(value?.value), timestamp };
}

/** Of a container's figures: those of a metric, or the one with these labels, without `container_`. */
export class Figures {
  constructor(private readonly series: readonly Series[]) {}

  all(name: string): readonly Series[] {
    return this.series.filter((one) => one.name === `container_${name}`);
  }

  /** The value of the one series that has these labels; undefined if there is none. */
  get(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.all(name).filter((one) =>
      Object.entries(labels).every(([key, value]) => one.labels[key] === value),
    );
    if (found.length > 1) throw new Error(`${found.length} series of ${name} are ${JSON.stringify(labels)}`);
    return found[0]?.value;
  }

  /** The same of one that has to be there. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const value = this.get(name, labels);
    if (value === undefined) throw new Error(`there is no ${name} ${JSON.stringify(labels)}`);
    return value;
  }
}

/** The figures of a container. */
export async function containerFigures(world: World, id: string): Promise<Figures> {
  return new Figures((await allSeries(world)).filter(({ labels }) => labels['name'] === id));
}
