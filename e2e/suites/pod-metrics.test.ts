import { readFile, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { present } from '../support/cri';
import { cgroupFigures, cgroupFolders, readKeys, readNumber } from '../support/cgroup-figures';
import { images } from '../support/fixtures';
import { fetchFromHost, podWithCgroup } from '../support/measured-pod';
import { run } from '../support/machine';
import { allSeries, containerFigures, Figures } from '../support/pod-metrics';
import { spareDaemon, type SpareDaemon } from '../support/spare-daemon';
import { berthOnly, daemonUnderTest, useWorld } from '../support/suite';
import { until } from '../support/wait';

const suite = useWorld();
const mib = 1024 * 1024;

/** What is sampled every ten seconds may have been sampled just before it was as the test waits for. */
const twoSamplesMs = 30_000;

/** The container's figures, once they are as the test waits for. */
const figuresWhen = (id: string, what: string, are: (figures: Figures) => boolean) =>
  until(
    what,
    async () => {
      const figures = await containerFigures(suite.world, id);
      return are(figures) && figures;
    },
    twoSamplesMs,
  );

berthOnly('metrics of pods, compared with the kernel’s own figures', () => {
  beforeAll(async () => {
    await suite.world.cri.pull(images.busybox);
  });

  test('each series is announced, has its labels, and is told from every other', async () => {
    const { world } = suite;
    const pod = await podWithCgroup(world, {});
    const one = await world.start({ metadata: { name: 'one' } }, pod);
    await world.start({ metadata: { name: 'two' } }, pod);
    const series = await allSeries(world);
    const keys = series.map(({ name, labels }) => name + JSON.stringify(labels));
    expect(new Set(keys).size).toBe(keys.length);
    const metadata = present(pod.config.metadata);
    const place = { pod: metadata.name, namespace: metadata.namespace };
    const seen = series.filter(({ name, labels }) => name === 'container_last_seen' && labels['pod'] === metadata.name);
    const { pure, of } = await cgroupFolders(world, one.id);
    const cgroup = of('memory').replace(pure ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory', '');
    expect(seen.map(({ labels }) => labels)).toEqual([
      { ...place, container: '', image: '', name: '', id: cgroup.replace(/\/[^/]+$/, '') },
      { ...place, container: 'one', image: images.busybox, name: one.id, id: cgroup },
      expect.objectContaining({ ...place, container: 'two' }),
    ]);
    const streamed = await world.cri.streamedPodMetrics();
    expect(streamed.map(({ podSandboxId }) => podSandboxId)).toContain(pod.id);
  });

  test('cpu: what a burner used, and how its quota held it back', async () => {
    const { world } = suite;
    const { id } = await world.start({
      command: ['sh', '-c', 'while :; do :; done'],
      // Also where others leave it little of the processor.
      linux: { resources: { cpuPeriod: 100_000n, cpuQuota: 10_000n, cpuShares: 512n } },
    });
    await figuresWhen(
      id,
      'a second of CPU, and the quota to be used up',
      (now) => now.value('cpu_usage_seconds_total') >= 1 && now.value('cpu_cfs_throttled_periods_total') > 0,
    );
    const folders = await cgroupFolders(world, id);
    const quota = () => readKeys(join(folders.of('cpu'), 'cpu.stat'));
    const [before, quotaBefore] = [await cgroupFigures(world, id), await quota()];
    const figures = await containerFigures(world, id);
    const [after, quotaAfter] = [await cgroupFigures(world, id), await quota()];
    const between = (name: string, low: number, high: number) => {
      expect(figures.value(name)).toBeGreaterThanOrEqual(Math.floor(low));
      expect(figures.value(name)).toBeLessThanOrEqual(high);
    };
    expect(figures.all('cpu_usage_seconds_total')[0]?.labels['cpu']).toBe('total');
    between('cpu_usage_seconds_total', before.cpuNs / 1e9, after.cpuNs / 1e9);
    between('cpu_cfs_periods_total', quotaBefore.get('nr_periods') ?? NaN, quotaAfter.get('nr_periods') ?? NaN);
    between(
      'cpu_cfs_throttled_periods_total',
      quotaBefore.get('nr_throttled') ?? NaN,
      quotaAfter.get('nr_throttled') ?? NaN,
    );
    const throttled = (stat: ReadonlyMap<string, number>) =>
      (stat.get('throttled_time') ?? (stat.get('throttled_usec') ?? NaN) * 1000) / 1e9;
    between('cpu_cfs_throttled_seconds_total', throttled(quotaBefore), throttled(quotaAfter));
    // Both are cut to whole seconds.
    const parts = figures.value('cpu_user_seconds_total') + figures.value('cpu_system_seconds_total');
    expect(Math.abs(parts - figures.value('cpu_usage_seconds_total'))).toBeLessThanOrEqual(2);
    expect(figures.value('spec_cpu_period')).toBe(100_000);
    expect(figures.value('spec_cpu_quota')).toBe(10_000);
    expect(figures.value('spec_cpu_shares')).toBe(512);
  });

  test('memory: 50 MiB that are held, beside the limit', async () => {
    const { world } = suite;
    const { id } = await world.start({
      command: ['sh', '-c', 'dd if=/dev/zero bs=52428800 count=1 | sleep 3600'],
      linux: { resources: { memoryLimitInBytes: BigInt(512 * mib) } },
    });
    await figuresWhen(id, '50 MiB in use', (now) => now.value('memory_rss') > 50 * mib);
    const { of, pure } = await cgroupFolders(world, id);
    const dir = of('memory');
    const stat = await readKeys(join(dir, 'memory.stat'));
    const figures = await containerFigures(world, id);
    const kernel = (name: string) => stat.get(pure ? name : `total_${name}`) ?? NaN;
    const near = (name: string, value: number) => expect(Math.abs(figures.value(name) - value)).toBeLessThan(4 * mib);
    near('memory_usage_bytes', await readNumber(join(dir, pure ? 'memory.current' : 'memory.usage_in_bytes')));
    near('memory_rss', kernel(pure ? 'anon' : 'rss'));
    near('memory_cache', kernel(pure ? 'file' : 'cache'));
    near('memory_mapped_file', kernel(pure ? 'file_mapped' : 'mapped_file'));
    near('memory_total_inactive_file_bytes', kernel('inactive_file'));
    near('memory_working_set_bytes', figures.value('memory_usage_bytes') - kernel('inactive_file'));
    const peak = figures.get('memory_max_usage_bytes');
    if (peak !== undefined) expect(peak).toBeGreaterThanOrEqual(figures.value('memory_usage_bytes'));
    const faults = figures.value('memory_failures_total', { failure_type: 'pgfault', scope: 'hierarchy' });
    expect(faults).toBeGreaterThan(25);
    expect(figures.value('memory_failcnt')).toBe(0);
    expect(figures.value('spec_memory_limit_bytes')).toBe(512 * mib);
    expect(figures.value('spec_memory_swap_limit_bytes')).toBe(512 * mib);
    expect(figures.value('spec_memory_reservation_limit_bytes')).toBe(0);
  });

  test('oom: a process that is killed for want of memory, and the limit that was met', async () => {
    const { world } = suite;
    const { id } = await world.start({
      command: ['sh', '-c', 'dd if=/dev/zero of=/dev/null bs=200M count=1; sleep 3600'],
      linux: { resources: { memoryLimitInBytes: BigInt(64 * mib) } },
    });
    const figures = await figuresWhen(id, 'an OOM kill', (now) => now.value('oom_events_total') > 0);
    expect(figures.value('oom_events_total')).toBe(1);
    // v1 meets the limit of memory and swap together first, where both limits are the same, and counts that elsewhere.
    const { of, pure } = await cgroupFolders(world, id);
    const hits = pure
      ? (await readKeys(join(of('memory'), 'memory.events'))).get('max')
      : await readNumber(join(of('memory'), 'memory.failcnt'));
    expect(figures.value('memory_failcnt')).toBe(hits);
  });

  test('diskIO: what was written with a sync, as the kernel counts it for each device', async () => {
    const { world } = suite;
    const { id } = await world.start();
    await world.sh({ id }, 'dd if=/dev/zero of=/written bs=1M count=8 conv=fsync 2>&1');
    const { of, pure } = await cgroupFolders(world, id);
    const file = join(of('blkio'), pure ? 'io.stat' : 'blkio.throttle.io_service_bytes_recursive');
    const written = async () => {
      const pattern = pure ? /^(\d+:\d+) .*\bwbytes=(\d+)/gm : /^(\d+:\d+) Write (\d+)$/gm;
      const found = [...(await readFile(file, 'utf8')).matchAll(pattern)];
      return new Map(found.map(([, device = '', bytes]) => [device, Number(bytes)]));
    };
    const before = await written();
    const figures = await containerFigures(world, id);
    const after = await written();
    const told = figures.all('blkio_device_usage_total').filter(({ labels }) => labels['operation'] === 'Write');
    expect(told.map(({ labels }) => `${labels['major']}:${labels['minor']}`).sort()).toEqual([...after.keys()].sort());
    for (const { labels, value } of told) {
      const device = `${labels['major']}:${labels['minor']}`;
      expect(value).toBeGreaterThanOrEqual(before.get(device) ?? 0);
      expect(value).toBeLessThanOrEqual(after.get(device) ?? 0);
      expect(figures.value('fs_writes_bytes_total', { device: labels['device'] ?? '' })).toBe(value);
    }
    // A file system without a disk, such as tmpfs, has nothing to count.
    const total = told.reduce((sum, { value }) => sum + value, 0);
    if (told.length > 0) {
      expect(total).toBeGreaterThanOrEqual(8 * mib);
      expect(figures.all('fs_writes_total').reduce((sum, { value }) => sum + value, 0)).toBeGreaterThan(0);
    }
  });

  test('disk: the writable layer, and the file system that it is on', async () => {
    const { world } = suite;
    const daemon = present(await daemonUnderTest());
    const { id } = await world.start({ command: ['sh', '-c', 'head -c 20971520 /dev/zero > /written; sleep 3600'] });
    const figures = await figuresWhen(
      id,
      '20 MiB in the writable layer',
      (now) => (now.get('fs_usage_bytes') ?? 0) >= 20 * mib,
    );
    expect(figures.value('fs_usage_bytes')).toBeLessThan(22 * mib);
    const { blocks, bsize, files } = await statfs(daemon.layout.dir);
    expect(figures.value('fs_limit_bytes')).toBe(blocks * bsize);
    const source = (await run('df', '--output=source', daemon.layout.dir)).trim().split('\n').at(-1);
    expect(figures.all('fs_limit_bytes')[0]?.labels['device']).toBe(source);
    if (files > 0) expect(figures.value('fs_inodes_total')).toBe(files);
  });

  test('process: processes, threads, files, sockets and the limit of open files', async () => {
    const { world } = suite;
    const { id } = await world.start({
      command: ['sh', '-c', 'nc -l -p 0 & sleep 3600 & sleep 3600 & wait'],
    });
    const figures = await figuresWhen(id, 'three children, one of them with a socket', (now) => {
      return now.get('processes') === 4 && now.get('sockets') === 1;
    });
    expect(figures.value('threads')).toBe(4);
    const { of } = await cgroupFolders(world, id);
    const max = (await readFile(join(of('pids'), 'pids.max'), 'utf8')).trim();
    expect(figures.value('threads_max')).toBe(max === 'max' ? 0 : Number(max));
    // Each has its stdio, and little else.
    expect(figures.value('file_descriptors')).toBeGreaterThanOrEqual(13);
    expect(figures.value('file_descriptors')).toBeLessThan(40);
    const soft = await world.sh({ id }, 'grep "Max open files" /proc/1/limits | tr -s " " | cut -d" " -f4');
    expect(figures.value('ulimits_soft', { ulimit: 'max_open_files' })).toBe(Number(soft));
  });

  test('network: what the pod got over its interface, beside what it sent', async () => {
    const { world } = suite;
    const pod = await podWithCgroup(world, {});
    const { id } = await world.start({}, pod);
    await fetchFromHost(world, { id }, 100_000);
    const statistic = async (name: string) =>
      Number(await world.sh({ id }, `cat /sys/class/net/eth0/statistics/${name}`));
    const seen = await statistic('rx_bytes');
    expect(seen).toBeGreaterThan(100_000);
    const figures = await until('the bytes that the pod has got', async () => {
      const series = (await allSeries(world)).filter(({ labels }) => labels['name'] === pod.id);
      const now = new Figures(series);
      return (now.get('network_receive_bytes_total', { interface: 'eth0' }) ?? 0) >= seen && now;
    });
    expect(figures.value('network_receive_bytes_total')).toBeLessThanOrEqual(await statistic('rx_bytes'));
    expect(figures.value('network_receive_packets_total')).toBeGreaterThan(1);
    expect(figures.value('network_receive_packets_total')).toBeLessThanOrEqual(await statistic('rx_packets'));
    expect(figures.value('network_transmit_packets_total')).toBeLessThanOrEqual(await statistic('tx_packets'));
    expect(figures.value('network_transmit_bytes_total')).toBeGreaterThan(0);
    expect(figures.value('network_receive_packets_dropped_total')).toBe(await statistic('rx_dropped'));
    expect(figures.value('network_transmit_errors_total')).toBe(0);
    expect(figures.all('network_receive_bytes_total')[0]?.timestamp).toBeGreaterThan(0n);
  });

  test('pressure: where the kernel keeps it, in whole seconds', async () => {
    const { world } = suite;
    const { id } = await world.start({ command: ['sh', '-c', 'while :; do :; done & while :; do :; done'] });
    const { unified } = await cgroupFolders(world, id);
    const total = async () => {
      const text = await readFile(join(unified ?? '/nowhere', 'cpu.pressure'), 'utf8').catch(() => undefined);
      return text === undefined ? undefined : Number(/^some .*total=(\d+)/m.exec(text)?.[1]) / 1e6;
    };
    const before = await total();
    const figures = await containerFigures(world, id);
    const after = await total();
    const told = figures.get('pressure_cpu_waiting_seconds_total');
    if (before === undefined || after === undefined) expect(told).toBeUndefined();
    else {
      expect(told).toBeGreaterThanOrEqual(Math.floor(before));
      expect(told).toBeLessThanOrEqual(after);
      expect(figures.get('pressure_io_stalled_seconds_total')).toBeDefined();
    }
  });

  test('a pod has what its containers have together; one that has ended has none', async () => {
    const { world } = suite;
    const pod = await podWithCgroup(world);
    const held = 'dd if=/dev/zero bs=20971520 count=1 | sleep 3600';
    const some = [
      await world.start({ command: ['sh', '-c', held] }, pod),
      await world.start({ command: ['sh', '-c', held] }, pod),
    ];
    const { container: ended } = await world.runToEnd('true', {}, pod);
    const name = present(pod.config.metadata).name;
    const [whole, parts] = await until('40 MiB in the pod', async () => {
      const series = (await allSeries(world)).filter(({ labels }) => labels['pod'] === name);
      const ofPod = new Figures(series.filter(({ labels }) => labels['container'] === ''));
      return ofPod.value('memory_rss') > 40 * mib && [ofPod, series];
    });
    const rss = new Figures(parts.filter(({ labels }) => labels['container'] !== '')).all('memory_rss');
    expect(rss.map(({ labels }) => labels['name']).sort()).toEqual(some.map(({ id }) => id).sort());
    const sum = rss.reduce((all, { value }) => all + value, 0);
    expect(Math.abs(whole.value('memory_rss') - sum)).toBeLessThan(4 * mib);
    expect(parts.map(({ labels }) => labels['name'])).not.toContain(ended.id);
  });

  test('the times of the creation and the start are those of the status', async () => {
    const { world } = suite;
    const { id } = await world.start();
    const { createdAt, startedAt } = await world.cri.containerStatus(id);
    const figures = await containerFigures(world, id);
    expect(figures.value('creation_time_seconds')).toBe(Number(createdAt / 1_000_000_000n));
    expect(figures.value('start_time_seconds')).toBe(Number(startedAt / 1_000_000_000n));
    expect(figures.value('last_seen')).toBeGreaterThanOrEqual(figures.value('start_time_seconds'));
  });
});

berthOnly('the families of the configuration', () => {
  let spare: SpareDaemon;
  let file: string;
  beforeAll(async () => {
    spare = await spareDaemon({ network: false });
    file = join(spare.daemon.layout.dir, 'berth.toml');
    await spare.world.cri.pull(images.busybox);
  });
  afterAll(async () => spare[Symbol.asyncDispose]());

  test('a reload turns them on and off; what is announced stays', async () => {
    const { world } = spare;
    const { id } = await world.start();
    const names = async () => {
      const series = (await allSeries(world)).filter(({ labels }) => labels['name'] === id);
      return new Set(series.map(({ name }) => name));
    };
    const announced = await world.cri.metricDescriptors();
    expect(announced.map(({ name }) => name)).toContain('container_hugetlb_usage_bytes');
    const before = await names();
    expect(before).toContain('container_memory_rss');
    expect(before).not.toContain('container_hugetlb_usage_bytes');
    await writeFile(file, '[observe]\npod_metrics = ["oom"]\n');
    expect((await spare.reload()).changed).toEqual(['observe.pod_metrics']);
    expect([...(await names())].sort()).toEqual([
      'container_creation_time_seconds',
      'container_last_seen',
      'container_oom_events_total',
      'container_start_time_seconds',
    ]);
    expect(await world.cri.metricDescriptors()).toEqual(announced);
    await writeFile(file, '[observe]\npod_metrics = ["nonsense"]\n');
    expect(await spare.reload()).toMatchObject({
      level: 50,
      msg: expect.stringMatching(/observe\.pod_metrics/) as string,
    });
  });
});
