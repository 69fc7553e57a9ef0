import type { Metrics } from '../../../src/observe';
import { toOpenMetrics } from '../../../src/observe/metrics/exposition';
import { valueOf } from './support/exposition';
import { lint } from './support/lint';
import { live, Rooms } from './support/sources';

let rooms: Rooms;
let metrics: Metrics;
beforeEach(async () => {
  rooms = new Rooms();
  metrics = await rooms.metrics();
});
afterEach(() => metrics[Symbol.dispose]());

test('the exposition is clean by the rules of Prometheus’ linter, empty and full', async () => {
  expect(lint(await metrics.render('text'))).toEqual([]);
  live(rooms, metrics);
  expect(lint(await metrics.render('text'))).toEqual([]);
});

test('the linter finds what is wrong', () => {
  const bad = [
    '# TYPE a counter',
    'a 1',
    '# HELP b_ms x',
    '# TYPE b_ms gauge',
    'b_ms{le="1",Q="x"} 1',
    'b_ms{le="1",Q="x"} 2',
    '# HELP c_seconds x',
    '# TYPE c_seconds histogram',
    'c_seconds_bucket{le="1"} 2',
    'c_seconds_bucket{le="+Inf"} 1',
    'c_seconds_count 1',
  ].join('\n');
  expect(lint(bad)).toEqual([
    'a: has no help',
    'a: is a counter and does not end in _total',
    'b_ms: has a label that is not snake_case',
    'b_ms: has the label le and is no histogram',
    'b_ms: has a unit that is no base unit, or is cut short',
    'b_ms [["Q","x"],["le","1"]]: a series that is there twice',
    'c_seconds []: is no whole histogram',
  ]);
});

test('what rooms tell is counted', async () => {
  live(rooms, metrics);
  const text = await metrics.render('text');
  const values: [string, Record<string, string>, number][] = [
    ['berth_rpc_duration_seconds_count', { rpc: 'Version', code: 'OK' }, 1],
    ['berth_rpc_duration_seconds_bucket', { rpc: 'Version', le: '0.001' }, 0],
    ['berth_rpc_duration_seconds_bucket', { rpc: 'Version', le: '0.005' }, 1],
    ['berth_rpc_duration_seconds_sum', { rpc: 'ExecSync', code: 'DEADLINE_EXCEEDED' }, 12],
    ['berth_launcher_request_duration_seconds_count', { operation: 'run', outcome: 'done' }, 1],
    ['berth_runtime_operation_duration_seconds_count', { operation: 'create', handler: 'runc', outcome: 'done' }, 1],
    ['berth_runtime_operation_duration_seconds_count', { operation: 'delete', handler: 'runc', outcome: 'failed' }, 1],
    ['berth_cni_operation_duration_seconds_count', { operation: 'ADD', plugin: 'bridge', outcome: 'done' }, 1],
    ['berth_state_write_duration_seconds_count', { operation: 'put', table: 'sandboxes', outcome: 'done' }, 1],
    ['berth_container_ends_total', { reason: 'OOMKilled' }, 1],
    ['berth_container_ends_total', { reason: 'Completed' }, 0],
    ['berth_monitors_lost_total', {}, 1],
    ['berth_image_pull_duration_seconds_sum', { outcome: 'pulled' }, 2],
    ['berth_image_pull_failures_total', { reason: 'denied' }, 1],
    ['berth_image_pull_failures_total', { reason: 'throttled' }, 0],
  ];
  for (const [name, labels, value] of values)
    expect([name, labels, valueOf(text, name, labels)]).toEqual([name, labels, value]);
});

test('what rooms are like is read at each scrape', async () => {
  rooms.pods = [{ phase: 'ready' }, { phase: 'ready' }, { phase: 'stopped' }];
  rooms.containers = [{ phase: 'running' }];
  rooms.pulls = { ...rooms.pulls, inFlight: 7, bytes: 1000, layers: { ...rooms.pulls.layers, registry: 3 } };
  metrics.calls.began('PullImage');
  const first = await metrics.render('text');
  const values: [string, Record<string, string>, number][] = [
    ['berth_pods', { state: 'ready' }, 2],
    ['berth_pods', { state: 'removing' }, 0],
    ['berth_containers', { state: 'running' }, 1],
    ['berth_monitors', { state: 'unreachable' }, 1],
    ['berth_rpcs_in_flight', { rpc: 'PullImage' }, 1],
    ['berth_image_pulls_in_flight', {}, 7],
    ['berth_image_pull_bytes_total', {}, 1000],
    ['berth_image_pull_layers_total', { origin: 'registry' }, 3],
    ['berth_images', {}, 2],
    ['berth_launcher_up', {}, 1],
    ['berth_launcher_starts_total', {}, 2],
    ['berth_queue_length', { queue: 'teardowns' }, 5],
    ['berth_network_ready', {}, 0],
    ['berth_state_database_bytes', {}, 8192],
    ['process_open_fds', {}, 30],
    ['berth_build_info', { version: '1.2.3' }, 1],
  ];
  for (const [name, labels, value] of values)
    expect([name, labels, valueOf(first, name, labels)]).toEqual([name, labels, value]);
  rooms.pods = [];
  metrics.calls.ended('PullImage', 'OK', 1);
  const second = await metrics.render('text');
  expect(valueOf(second, 'berth_pods', { state: 'ready' })).toBe(0);
  expect(valueOf(second, 'berth_rpcs_in_flight', { rpc: 'PullImage' })).toBe(0);
});

test('labels that come from elsewhere are bounded', async () => {
  for (let index = 0; index < 100; index++) {
    rooms.observations.tell({ kind: 'network', operation: 'ADD', plugin: `p${index}`, seconds: 1, failed: false });
    rooms.observations.tell({ kind: 'runtime', operation: 'kill', handler: `h${index}`, seconds: 1, failed: false });
    rooms.observations.tell({ kind: 'container-ended', reason: `r${index}` });
  }
  const text = await metrics.render('text');
  const count = (name: string, label: string) =>
    new Set([...text.matchAll(new RegExp(`^${name}{.*?${label}="([^"]*)"`, 'gm'))].map(([, value]) => value)).size;
  expect(count('berth_cni_operation_duration_seconds_count', 'plugin')).toBe(33);
  expect(count('berth_runtime_operation_duration_seconds_count', 'handler')).toBe(33);
  expect(count('berth_container_ends_total', 'reason')).toBeLessThanOrEqual(33 + 7);
  expect(valueOf(text, 'berth_container_ends_total')).toBe(100);
});

test('the process is told of: loop, collector, memory', async () => {
  const turn = () => new Promise((resolve) => setTimeout(resolve, 100));
  await turn();
  const until = performance.now() + 200;
  while (performance.now() < until);
  await turn();
  const text = await metrics.render('text');
  expect(valueOf(text, 'berth_event_loop_lag_max_seconds')).toBeGreaterThan(0.05);
  expect(valueOf(text, 'berth_event_loop_seconds_total', { state: 'active' })).toBeGreaterThan(0);
  expect(valueOf(text, 'process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
  expect(valueOf(text, 'process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(valueOf(text, 'process_start_time_seconds')).toBeLessThanOrEqual(Date.now() / 1000);
});

test('who asks while another waits gets the same answer, whatever the format', async () => {
  const [text, same, open] = await Promise.all([
    metrics.render('text'),
    metrics.render('text'),
    metrics.render('openmetrics'),
  ]);
  expect(same).toBe(text);
  expect(open).toBe(toOpenMetrics(text));
  // Two families read the state.
  expect(rooms.collections).toBe(2);
});

test('nobody listens any more after the end', async () => {
  metrics[Symbol.dispose]();
  rooms.observations.tell({ kind: 'monitor-lost' });
  expect(valueOf(await metrics.render('text'), 'berth_monitors_lost_total')).toBe(0);
});
