export type { CallObserver } from './calls';
export { createMetrics, type Metrics } from './metrics';
export { createMetricsServer, type MetricsServer, type MetricsServerOptions } from './server';
export type { MetricSources } from './sources';
