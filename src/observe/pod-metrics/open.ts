import { blockDeviceFile, fileSystemOf, openCgroupDetailMeter, openProcessCounter } from '../../kernel';
import { createPodMetrics, type PodMetrics, type PodMetricsParts } from './pod-metrics';

export interface PodMetricsOptions extends Omit<PodMetricsParts, 'meter' | 'processes' | 'fileSystem' | 'deviceFile'> {
  /** Where writable layers are. */
  readonly root: string;
}

/** The metrics of pods as this machine's kernel has them. */
export async function openPodMetrics({ root, ...parts }: PodMetricsOptions): Promise<PodMetrics> {
  const [meter, processes] = await Promise.all([openCgroupDetailMeter(), openProcessCounter()]);
  const fileSystem = () => fileSystemOf(root);
  return createPodMetrics({ ...parts, meter, processes, fileSystem, deviceFile: blockDeviceFile });
}
