import { SingleFlight } from '../../base';
import { type CallObserver, callMetrics } from './calls';
import { type Format, toOpenMetrics } from './exposition';
import { Families } from './families';
import { lifeMetrics } from './lives';
import { processMetrics } from './process';
import { pullMetrics } from './pulls';
import type { MetricSources } from './sources';
import { workMetrics } from './work';

/** All of berthd's metrics, counting from when they were made until they are disposed of. */
export interface Metrics extends Disposable {
  /** To be told of each RPC. */
  readonly calls: CallObserver;
  /** Names of the families, as the text format has them. */
  readonly names: readonly string[];
  /** What Prometheus reads. Who asks while others wait gets the same answer. */
  render(format: Format): Promise<string>;
}

/** Loads the library and begins to count. */
export async function createMetrics(sources: MetricSources, version: string): Promise<Metrics> {
  const client = await import('prom-client');
  const registry = new client.Registry();
  const families = new Families(client, registry);
  const calls = callMetrics(families);
  const observers = [lifeMetrics(families, sources), workMetrics(families, sources)];
  const ended = [
    pullMetrics(families, sources),
    processMetrics(families, sources, version),
    sources.observations.subscribe((observation) => observers.forEach((observe) => observe(observation))),
  ];
  const collections = new SingleFlight<string>();
  return {
    calls,
    names: registry.getMetricsAsArray().map(({ name }) => name),
    render(format) {
      const text = () => collections.run('text', () => registry.metrics());
      return format === 'text' ? text() : collections.run(format, async () => toOpenMetrics(await text()));
    },
    [Symbol.dispose]: () => ended.forEach((one) => one[Symbol.dispose]()),
  };
}
