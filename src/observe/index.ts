export { type EventFeed, type EventFeedParts, type PodEvent, eventFeed } from './events/feed';
export { watchFsUsage, type FsSample, type FsUsageWatch } from './fs-usage';
export { watchStats, type ContainerUsage, type PodUsage, type StatsWatch, type Usage } from './stats';
export { openPodMetrics } from './pod-metrics/open';
export type { MetricSample, PodMetrics } from './pod-metrics/pod-metrics';
