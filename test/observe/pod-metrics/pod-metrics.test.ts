import type { MetricSample } from '../../../src/observe';
import type { MetricFamily } from '../../../src/observe/pod-metrics/families';
import { ContainerConfig, type LinuxContainerResources } from '../../../src/wire';
import { containerRecord, id } from '../../cri/support/records';
import { allFamilies, container, details, metricsOf, pod, settled } from './support';

/** The figures, by name and the values of the metric's own labels: `name{a,b}`. */
function figures(samples: readonly MetricSample[] | undefined, own = 6): Record<string, bigint> {
  const key = ({ name, labelValues }: MetricSample) => `${name}{${labelValues.slice(own).join()}}`;
  const all = (samples ?? []).map((sample) => [key(sample), sample.value] as const);
  expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
  return Object.fromEntries(all);
}

const named = (prefix: string, found: Record<string, bigint>) =>
  Object.fromEntries(
    Object.entries(found).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  );

test('each sample has as many values as its descriptor has keys, and each descriptor a sample', async () => {
  const { metrics } = metricsOf();
  metrics.container(container, pod);
  await settled();
  const samples = [...metrics.pod(pod), ...(metrics.container(container, pod) ?? [])];
  const keys = new Map(metrics.descriptors.map(({ name, labelKeys }) => [name, labelKeys]));
  expect(keys.size).toBe(metrics.descriptors.length);
  for (const { name, labelValues } of samples)
    expect([name, labelValues.length]).toEqual([name, keys.get(name)?.length]);
  expect([...keys.keys()].filter((name) => !samples.some((sample) => sample.name === name))).toEqual([]);
});

test('the values of the labels are in the order of their keys', () => {
  const { metrics } = metricsOf(['cpu', 'network']);
  const keys = metrics.descriptors.find(({ name }) => name === 'container_cpu_usage_seconds_total')?.labelKeys ?? [];
  const labelsOf = (samples: readonly MetricSample[] | undefined, wanted: string) => {
    const values = samples?.find(({ name }) => name === wanted)?.labelValues ?? [];
    return Object.fromEntries(keys.slice(0, 6).map((key, index) => [key, values[index]]));
  };
  const place = { namespace: 'shop', pod: 'web' };
  expect(labelsOf(metrics.container(container, pod), 'container_cpu_usage_seconds_total')).toEqual({
    ...place,
    container: 'nginx',
    id: '/kubepods/pod1/c1',
    image: 'example.org/nginx:1',
    name: id('c1'),
  });
  const whole = { ...place, container: '', id: '/kubepods/pod1', image: '' };
  expect(labelsOf(metrics.pod(pod), 'container_cpu_usage_seconds_total')).toEqual({ ...whole, name: '' });
  expect(labelsOf(metrics.pod(pod), 'container_network_receive_bytes_total')).toEqual({ ...whole, name: id('a1') });
  expect(keys).toEqual([...keys.slice(0, 6).toSorted(), 'cpu']);
});

test('cpu: whole seconds, and the quota’s counters for those who have one', () => {
  const { metrics } = metricsOf(['cpu']);
  const cfs = {
    'cfs_periods_total{}': 90n,
    'cfs_throttled_periods_total{}': 8n,
    'cfs_throttled_seconds_total{}': 4n,
    'cfs_burst_periods_total{}': 6n,
    'cfs_burst_seconds_total{}': 5n,
  };
  const times = { 'usage_seconds_total{total}': 12n, 'user_seconds_total{}': 9n, 'system_seconds_total{}': 3n };
  expect(named('container_cpu_', figures(metrics.container(container, pod)))).toEqual({ ...times, ...cfs });
  expect(named('container_cpu_', figures(metrics.pod(pod)))).toEqual({ ...times, ...cfs });
  const unlimited = containerRecord({ id: id('c2') });
  expect(named('container_cpu_', figures(metrics.container(unlimited, pod)))).toEqual(times);
  const { cpu } = details;
  const idle = metricsOf(['cpu'], {
    meter: { oomKillsAreOfTheTree: true, read: () => ({ cpu: { ...cpu, periods: 0n } }) },
  });
  expect(named('container_cpu_', figures(idle.metrics.pod(pod)))).toEqual(times);
});

test('memory: every figure under cAdvisor’s name', () => {
  const { metrics } = metricsOf(['memory']);
  expect(named('container_memory_', figures(metrics.container(container, pod)))).toEqual({
    'usage_bytes{}': 100n,
    'working_set_bytes{}': 101n,
    'max_usage_bytes{}': 102n,
    'cache{}': 103n,
    'rss{}': 104n,
    'mapped_file{}': 105n,
    'kernel_usage{}': 106n,
    'swap{}': 107n,
    'total_active_file_bytes{}': 108n,
    'total_inactive_file_bytes{}': 109n,
    'file_dirty_bytes{}': 110n,
    'file_writeback_bytes{}': 111n,
    'failcnt{}': 112n,
    'events_max_total{}': 112n,
    'events_high_total{}': 113n,
    'failures_total{pgfault,container}': 114n,
    'failures_total{pgmajfault,container}': 115n,
    'failures_total{pgfault,hierarchy}': 116n,
    'failures_total{pgmajfault,hierarchy}': 117n,
    'pgscan_total{}': 118n,
    'pgsteal_total{}': 119n,
    'workingset_refault_file_total{}': 120n,
    'workingset_refault_anon_total{}': 121n,
  });
});

test('disk: the writable layer, and the file system that it is on, with the times of their samples', async () => {
  const { metrics } = metricsOf(['disk']);
  expect(named('container_fs_', figures(metrics.container(container, pod)))).toEqual({});
  await settled();
  const samples = metrics.container(container, pod);
  expect(named('container_fs_', figures(samples))).toEqual({
    'usage_bytes{/dev/vda}': 400n,
    'limit_bytes{/dev/vda}': 1000n,
    'inodes_total{/dev/vda}': 50n,
    'inodes_free{/dev/vda}': 20n,
  });
  const timestampOf = (wanted: string) => samples?.find(({ name }) => name === wanted)?.timestamp;
  expect(timestampOf('container_fs_usage_bytes')).toBe(66n);
  expect(timestampOf('container_fs_limit_bytes')).toBeGreaterThan(1_700_000_000_000_000_000n);
  expect(named('container_fs_', figures(metrics.pod(pod)))).toEqual({});
});

test('diskIO: by device, as far as each has figures', () => {
  const { metrics, asked } = metricsOf(['diskIO']);
  expect(figures(metrics.container(container, pod))).toMatchObject({
    'container_fs_reads_bytes_total{/dev/vda}': 1n,
    'container_fs_writes_bytes_total{/dev/vda}': 2n,
    'container_fs_reads_total{/dev/vda}': 3n,
    'container_fs_writes_total{/dev/vda}': 4n,
    'container_fs_reads_bytes_total{0:9}': 5n,
    'container_blkio_device_usage_total{/dev/vda,254,0,Read}': 1n,
    'container_blkio_device_usage_total{/dev/vda,254,0,Write}': 2n,
    'container_blkio_device_usage_total{0:9,0,9,Read}': 5n,
  });
  metrics.pod(pod);
  // A name is looked up once for all containers.
  expect(asked).toEqual(['device 254:0', 'device 0:9']);
});

test('hugetlb, oom and pressure', () => {
  const { metrics } = metricsOf(['hugetlb', 'oom', 'pressure']);
  const {
    'container_last_seen{}': _seen,
    'container_creation_time_seconds{}': _creation,
    'container_start_time_seconds{}': _start,
    ...found
  } = figures(metrics.pod(pod));
  expect(found).toEqual({
    'container_hugetlb_usage_bytes{2MB}': 6n,
    'container_hugetlb_max_usage_bytes{2MB}': 7n,
    'container_hugetlb_failcnt{2MB}': 8n,
    'container_hugetlb_usage_bytes{1GB}': 9n,
    'container_oom_events_total{}': 10n,
    'container_pressure_cpu_waiting_seconds_total{}': 13n,
    'container_pressure_cpu_stalled_seconds_total{}': 14n,
    'container_pressure_memory_waiting_seconds_total{}': 15n,
    'container_pressure_memory_stalled_seconds_total{}': 16n,
    'container_pressure_io_waiting_seconds_total{}': 17n,
    'container_pressure_io_stalled_seconds_total{}': 18n,
  });
});

test('network: of pods, by interface, with the time of the sample', () => {
  const { metrics } = metricsOf(['network']);
  const samples = metrics.pod(pod).filter(({ name }) => name.startsWith('container_network_'));
  expect(named('container_network_', figures(samples))).toMatchObject({
    'receive_bytes_total{eth0}': 1n,
    'receive_packets_total{eth0}': 2n,
    'receive_errors_total{eth0}': 3n,
    'receive_packets_dropped_total{eth0}': 4n,
    'transmit_bytes_total{eth0}': 5n,
    'transmit_packets_total{eth0}': 6n,
    'transmit_errors_total{eth0}': 7n,
    'transmit_packets_dropped_total{net1}': 8n,
  });
  expect(new Set(samples.map(({ timestamp }) => timestamp))).toEqual(new Set([77n]));
  expect(named('container_network_', figures(metrics.container(container, pod)))).toEqual({});
});

test('process: threads at once, the rest from the background', async () => {
  const { metrics } = metricsOf(['process']);
  const threads = { 'threads{}': 11n, 'threads_max{}': 12n };
  const shown = () => {
    const {
      'last_seen{}': _seen,
      'creation_time_seconds{}': _creation,
      'start_time_seconds{}': _start,
      ...rest
    } = named('container_', figures(metrics.container(container, pod)));
    return rest;
  };
  expect(shown()).toEqual(threads);
  await settled();
  expect(shown()).toEqual({
    ...threads,
    'processes{}': 3n,
    'file_descriptors{}': 20n,
    'sockets{}': 4n,
    'ulimits_soft{max_open_files}': 1024n,
  });
});

test('spec: the limits of the record; 0 is none, and what the kernel gives where nothing is said', () => {
  const { metrics } = metricsOf(['spec']);
  const specOf = (given: Partial<LinuxContainerResources>) => {
    const config = ContainerConfig.fromPartial({ linux: { resources: given } });
    return named('container_spec_', figures(metrics.container({ ...container, config }, pod)));
  };
  expect(named('container_spec_', figures(metrics.container(container, pod)))).toEqual({
    'cpu_period{}': 50_000n,
    'cpu_quota{}': 25_000n,
    'cpu_shares{}': 512n,
    'memory_limit_bytes{}': 1000n,
    'memory_swap_limit_bytes{}': 1500n,
    'memory_reservation_limit_bytes{}': 300n,
  });
  const none = {
    'cpu_period{}': 100_000n,
    'cpu_shares{}': 1024n,
    'memory_limit_bytes{}': 0n,
    'memory_swap_limit_bytes{}': 0n,
    'memory_reservation_limit_bytes{}': 0n,
  };
  expect(specOf({})).toEqual(none);
  // No swap beside a memory limit that says nothing of it; any with -1.
  expect(specOf({ memoryLimitInBytes: 7n })).toMatchObject({ 'memory_swap_limit_bytes{}': 7n });
  expect(specOf({ memoryLimitInBytes: 7n, memorySwapLimitInBytes: -1n })).toMatchObject({
    'memory_limit_bytes{}': 7n,
    'memory_swap_limit_bytes{}': 0n,
  });
  expect(specOf({ cpuQuota: -1n, unified: { 'memory.min': 'max' } })).not.toHaveProperty(
    'memory_reservation_limit_bytes{}',
  );
});

test('creation, start and last sight are there always, the start of what has been started', () => {
  const { metrics } = metricsOf([]);
  const before = BigInt(Math.floor(Date.now() / 1000));
  const found = figures(metrics.container(container, pod));
  expect(Object.keys(found).sort()).toEqual([
    'container_creation_time_seconds{}',
    'container_last_seen{}',
    'container_start_time_seconds{}',
  ]);
  expect(found['container_creation_time_seconds{}']).toBe(1_700_000_000n);
  expect(found['container_start_time_seconds{}']).toBe(1_700_000_001n);
  expect(found['container_last_seen{}']).toBeGreaterThanOrEqual(before);
  expect(figures(metrics.pod(pod))).toMatchObject({
    'container_creation_time_seconds{}': 1_700_000_000n,
    'container_start_time_seconds{}': 1_700_000_000n,
  });
  const created = metrics.container({ ...container, phase: 'created', startedAt: 0n }, pod);
  expect(Object.keys(figures(created))).toEqual(['container_last_seen{}', 'container_creation_time_seconds{}']);
});

test('what has ended has no metrics', () => {
  const { metrics } = metricsOf();
  expect(metrics.container({ ...container, phase: 'exited' }, pod)).toBeUndefined();
  expect(metrics.container({ ...container, phase: 'removing' }, pod)).toBeUndefined();
});

test('for families that are off nothing is read', async () => {
  const { metrics, read, asked } = metricsOf(['oom']);
  metrics.container(container, pod);
  metrics.pod(pod);
  await settled();
  expect(read).toEqual([
    { path: '/kubepods/pod1/c1', parts: ['oom'] },
    { path: '/kubepods/pod1', parts: ['oom'] },
  ]);
  expect(asked).toEqual([]);
});

test('on v1 a pod’s cgroup tells of no kills: they were in those below it', () => {
  const parts: string[][] = [];
  const { metrics } = metricsOf(['oom', 'cpu'], {
    meter: {
      oomKillsAreOfTheTree: false,
      read(_path, wanted) {
        parts.push([...wanted]);
        return {};
      },
    },
  });
  metrics.pod(pod);
  metrics.container(container, pod);
  expect(parts).toEqual([['cpu'], ['oom', 'cpu']]);
});

test('what is not known is left out, not 0', () => {
  const { metrics } = metricsOf(allFamilies, {
    meter: { oomKillsAreOfTheTree: true, read: () => ({ memory: { usage: 1n, workingSet: 0n, all: {} } }) },
    fsUsage: { writableLayer: () => undefined },
    stats: { network: () => undefined },
  });
  expect(Object.keys(figures(metrics.pod(pod))).sort()).toEqual([
    'container_creation_time_seconds{}',
    'container_last_seen{}',
    'container_memory_usage_bytes{}',
    'container_memory_working_set_bytes{}',
    'container_start_time_seconds{}',
  ]);
});

test('the families of another configuration are in force at once', () => {
  let families: readonly MetricFamily[] = ['cpu'];
  const { metrics } = metricsOf([], { families: () => families });
  expect(figures(metrics.pod(pod))).toHaveProperty(['container_cpu_user_seconds_total{}']);
  const before = metrics.descriptors;
  families = ['memory'];
  const found = figures(metrics.pod(pod));
  expect(found).not.toHaveProperty(['container_cpu_user_seconds_total{}']);
  expect(found).toHaveProperty(['container_memory_rss{}']);
  // The kubelet has asked for them once and for all.
  expect(metrics.descriptors).toBe(before);
});
