import type { Observation } from '../../base';
import { boundedLabel, type Families } from './families';
import type { MetricSources } from './sources';

/** Programs take tens of milliseconds, and up to a minute when something is wrong. */
const programBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
/** A request that runs no program is one system call or a few. */
const requestBuckets = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];
const commitBuckets = [0.001, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

/** What berthd has others do, what waits for it, and whether they are there. Gives what takes the observations. */
export function workMetrics(families: Families, sources: MetricSources): (observation: Observation) => void {
  gauges(families, sources);
  const launcher = families.histogram(
    'berth_launcher_request_duration_seconds',
    'Time of a request to the launcher, by operation; run and runStreamed last as long as their program.',
    ['operation', 'outcome'],
    requestBuckets,
  );
  const runtime = families.histogram(
    'berth_runtime_operation_duration_seconds',
    'Time of what an OCI runtime was asked for, by operation and handler; create is with the start of the monitor.',
    ['operation', 'handler', 'outcome'],
    programBuckets,
  );
  const network = families.histogram(
    'berth_cni_operation_duration_seconds',
    'Time of one run of a CNI plugin, by command and plugin.',
    ['operation', 'plugin', 'outcome'],
    programBuckets,
  );
  const state = families.histogram(
    'berth_state_write_duration_seconds',
    'Time from a change of records to its commit, by table.',
    ['operation', 'table', 'outcome'],
    commitBuckets,
  );
  const [handlerOf, pluginOf] = [boundedLabel(), boundedLabel()];
  return (observation) => {
    if (!('seconds' in observation)) return;
    const { operation, seconds } = observation;
    const outcome = observation.failed ? 'failed' : 'done';
    switch (observation.kind) {
      case 'launcher':
        return launcher.observe({ operation, outcome }, seconds);
      case 'runtime':
        return runtime.observe({ operation, handler: handlerOf(observation.handler), outcome }, seconds);
      case 'network':
        return network.observe({ operation, plugin: pluginOf(observation.plugin), outcome }, seconds);
      case 'state':
        return state.observe({ operation, table: observation.table, outcome }, seconds);
      default:
        observation satisfies never;
    }
  };
}

function gauges(families: Families, sources: MetricSources): void {
  const { launcher, queues, ready, state } = sources;
  families.gaugeOf('berth_launcher_up', '1 while the launcher runs and takes requests.', [], () => [
    [{}, Number(launcher().alive)],
  ]);
  families.counterOf('berth_launcher_starts_total', 'Starts of the launcher; the first is that of berthd.', [], () => [
    [{}, launcher().starts],
  ]);
  families.gaugeOf('berth_launcher_requests_in_flight', 'Requests that the launcher has not answered yet.', [], () => [
    [{}, launcher().inFlight],
  ]);
  families.gaugeOf('berth_queue_length', 'Work that waits for its turn, by what it waits for.', ['queue'], () =>
    Object.entries(queues()).map(([queue, length]) => [{ queue }, length]),
  );
  families.gaugeOf('berth_runtime_ready', '1 while the default OCI runtime is there (CRI RuntimeReady).', [], () => [
    [{}, Number(ready().runtime)],
  ]);
  families.gaugeOf('berth_network_ready', '1 while pods can get a network (CRI NetworkReady).', [], () => [
    [{}, Number(ready().network)],
  ]);
  families.gaugeOf('berth_state_database_bytes', 'Size of the file of records.', [], () => [[{}, state().bytes]]);
  families.gaugeOf('berth_state_database_limit_bytes', 'What the file of records may grow to.', [], () => [
    [{}, state().limit],
  ]);
}
