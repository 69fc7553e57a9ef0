export { type EventFeed, type EventFeedParts, type PodEvent, eventFeed } from './events/feed';
export { watchFsUsage, type FsSample, type FsUsageWatch } from './fs-usage';
export {
  createMetrics,
  createMetricsServer,
  type CallObserver,
  type Metrics,
  type MetricsServer,
  type MetricsServerOptions,
  type MetricSources,
} from './metrics';
export { startTracing, type Tracing } from './tracing';
export { watchStats, type ContainerUsage, type PodUsage, type StatsWatch, type Usage } from './stats';
export { openPodMetrics } from './pod-metrics/open';
export type { MetricSample, PodMetrics } from './pod-metrics/pod-metrics';
