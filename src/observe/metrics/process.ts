import type { Families } from './families';
import { gcKinds, watchGc } from './gc';
import { LoopLagWindow } from './loop-lag';
import type { MetricSources } from './sources';

const gcBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5];

/** berthd's own process. What every Prometheus client tells has the name that it has there. */
export function processMetrics(families: Families, sources: MetricSources, version: string): Disposable {
  families.gaugeOf('berth_build_info', 'Always 1; what runs is in the labels.', ['version', 'node_version'], () => [
    [{ version, node_version: process.version }, 1],
  ]);
  families.gaugeOf('process_start_time_seconds', 'Start of berthd, in seconds since the epoch.', [], () => [
    [{}, performance.timeOrigin / 1000],
  ]);
  families.counterOf('process_cpu_seconds_total', 'Processor time of berthd, user and system.', [], () => {
    const { user, system } = process.cpuUsage();
    return [[{}, (user + system) / 1e6]];
  });
  memoryOf(families);
  families.gaugeOf('process_open_fds', 'Descriptors that berthd has open.', [], () => [
    [{}, sources.descriptors().open],
  ]);
  families.gaugeOf('process_max_fds', 'Descriptors that berthd may have open.', [], () => [
    [{}, sources.descriptors().limit],
  ]);
  const loop = loopOf(families);
  const pauses = families.histogram(
    'berth_gc_duration_seconds',
    'Pauses of the garbage collector, by kind.',
    ['kind'],
    gcBuckets,
  );
  for (const kind of gcKinds) pauses.zero({ kind });
  const gc = watchGc((kind, seconds) => pauses.observe({ kind }, seconds));
  return {
    [Symbol.dispose]: () => {
      gc[Symbol.dispose]();
      loop[Symbol.dispose]();
    },
  };
}

function memoryOf(families: Families): void {
  families.gaugeOf('process_resident_memory_bytes', 'Resident memory of berthd.', [], () => [
    [{}, process.memoryUsage.rss()],
  ]);
  families.gaugeOf(
    'berth_heap_bytes',
    'The JavaScript heap, by what of it: used, or reserved in all.',
    ['kind'],
    () => {
      const { heapUsed, heapTotal } = process.memoryUsage();
      return [
        [{ kind: 'used' }, heapUsed],
        [{ kind: 'reserved' }, heapTotal],
      ];
    },
  );
  families.gaugeOf('berth_external_memory_bytes', 'Memory of buffers, which are not in the heap.', [], () => [
    [{}, process.memoryUsage().external],
  ]);
}

function loopOf(families: Families): Disposable {
  const lag = new LoopLagWindow();
  const since = 'in the time since the last scrape, of five seconds at the least';
  families.gaugeOf('berth_event_loop_lag_p50_seconds', `Median lateness of the event loop ${since}.`, [], () => [
    [{}, lag.read().p50],
  ]);
  families.gaugeOf('berth_event_loop_lag_p99_seconds', `99th percentile of the lateness ${since}.`, [], () => [
    [{}, lag.read().p99],
  ]);
  families.gaugeOf('berth_event_loop_lag_max_seconds', `Greatest lateness of the event loop ${since}.`, [], () => [
    [{}, lag.read().max],
  ]);
  families.counterOf(
    'berth_event_loop_seconds_total',
    'Time of the event loop, by whether it worked or waited: the rate of the first is its utilisation.',
    ['state'],
    () => {
      const { active, idle } = performance.eventLoopUtilization();
      return [
        [{ state: 'active' }, active / 1000],
        [{ state: 'idle' }, idle / 1000],
      ];
    },
  );
  return lag;
}
