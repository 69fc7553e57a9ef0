import { status } from '@grpc/grpc-js';
import { berthTest, useWorld } from '../support/suite';
import { rejection } from '../support/matchers';
import type { PartialResources } from '../support/cri';
import { until } from '../support/wait';
import type { Running } from '../support/world';

const suite = useWorld();
const mib = 1n << 20n;

/** What the container itself reads of its cgroup, on either version. */
async function limits(container: Running): Promise<Record<'memory' | 'cpu' | 'cpus' | 'score', string>> {
  const script = `cd /sys/fs/cgroup
    cat memory.max 2>/dev/null || cat memory/memory.limit_in_bytes
    cat cpu.max 2>/dev/null || echo $(cat cpu/cpu.cfs_quota_us) $(cat cpu/cpu.cfs_period_us)
    cat cpuset.cpus 2>/dev/null || cat cpuset/cpuset.cpus
    cat /proc/1/oom_score_adj`;
  const { stdout } = await suite.world.cri.execSync(container.id, ['sh', '-c', script]);
  const [memory = '', cpu = '', cpus = '', score = ''] = Buffer.from(stdout).toString('utf8').split('\n');
  return { memory, cpu, cpus, score };
}

const resources: PartialResources = {
  cpuPeriod: 100_000n,
  cpuQuota: 50_000n,
  cpuShares: 512n,
  memoryLimitInBytes: 64n * mib,
  oomScoreAdj: 100n,
};
const start = () => suite.world.start({ linux: { resources } });

test('new limits are in force inside, and those that are not named stay', async () => {
  const container = await start();
  expect(await limits(container)).toMatchObject({ memory: String(64n * mib), cpu: '50000 100000', score: '100' });
  await suite.world.cri.updateResources(container.id, { memoryLimitInBytes: 96n * mib, cpusetCpus: '0' });
  expect(await limits(container)).toMatchObject({ memory: String(96n * mib), cpu: '50000 100000', cpus: '0' });
  await suite.world.cri.updateResources(container.id, { cpuQuota: 20_000n, cpuPeriod: 100_000n });
  expect(await limits(container)).toMatchObject({ memory: String(96n * mib), cpu: '20000 100000', cpus: '0' });
});

test('the status tells the limits in force', async () => {
  const container = await start();
  await suite.world.cri.updateResources(container.id, { memoryLimitInBytes: 80n * mib, cpuShares: 256n });
  const { resources: told } = await suite.world.cri.containerStatus(container.id);
  expect(told?.linux).toMatchObject({ memoryLimitInBytes: 80n * mib, cpuShares: 256n, cpuQuota: 50_000n });
});

test('a container that is created and not started takes them too', async () => {
  const container = await suite.world.create({ linux: { resources } });
  await suite.world.cri.updateResources(container.id, { memoryLimitInBytes: 72n * mib });
  await suite.world.cri.start(container.id);
  expect((await limits(container)).memory).toBe(String(72n * mib));
});

berthTest('oom_score_adj is that of every process in it, and of those that they start', async () => {
  const { world } = suite;
  const script = 'sleep 1000 & while [ ! -e /tmp/go ]; do sleep 0.05; done; sleep 2000';
  const container = await world.start({ command: ['sh', '-c', script], linux: { resources } });
  await world.cri.updateResources(container.id, { oomScoreAdj: 300n });
  await world.cri.execSync(container.id, ['touch', '/tmp/go']);
  // runc gives an exec the score of the creation: only what the container itself runs is looked at.
  const find =
    'for name in 1000 2000; do for p in $(pidof sleep); do grep -q $name /proc/$p/cmdline && cat /proc/$p/oom_score_adj; done; done';
  await until('both to have it', async () => {
    const { stdout } = await world.cri.execSync(container.id, ['sh', '-c', `cat /proc/1/oom_score_adj; ${find}; true`]);
    return Buffer.from(stdout).toString('utf8') === '300\n300\n300\n';
  });
});

berthTest('a request that is wrong in one field changes nothing', async () => {
  const container = await start();
  const before = await limits(container);
  const wrong = { memoryLimitInBytes: 90n * mib, cpuQuota: 10n };
  const refused = await rejection(suite.world.cri.updateResources(container.id, wrong));
  expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT });
  expect(refused.details).toContain('linux.cpu_quota');
  expect(await limits(container)).toEqual(before);
});

berthTest(
  'CPUs that the node has not are refused by name, and nothing that was asked with them is changed',
  async () => {
    const { world } = suite;
    const container = await start();
    const before = await limits(container);
    const refused = await rejection(
      world.cri.updateResources(container.id, { cpuQuota: 30_000n, cpusetCpus: '0,4000' }),
    );
    expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(refused.details).toMatch(/linux\.cpuset_cpus is 0,4000: there is no CPU 4000, this node has \d/);
    expect(await limits(container)).toEqual(before);
    expect((await world.cri.containerStatus(container.id)).resources?.linux).toMatchObject({ cpuQuota: 50_000n });
    const created = await rejection(world.create({ linux: { resources: { cpusetMems: '4000' } } }));
    expect(created).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(created.details).toContain('config.linux.resources.cpuset_mems');
  },
);

berthTest('memory that is in use is not cut off: the kernel would kill for it', async () => {
  const { world } = suite;
  const hold = 'dd if=/dev/zero of=/dev/shm/held bs=1M count=40 2>/dev/null; touch /tmp/holds; sleep 1000';
  const container = await world.start({ command: ['sh', '-c', hold], linux: { resources } });
  await until('it to hold its memory', async () => {
    return (await world.cri.execSync(container.id, ['test', '-e', '/tmp/holds'])).exitCode === 0;
  });
  const refused = await rejection(world.cri.updateResources(container.id, { memoryLimitInBytes: 20n * mib }));
  expect(refused).toMatchObject({ code: status.FAILED_PRECONDITION });
  expect(refused.details).toMatch(/memory_limit_in_bytes is 20971520, and it uses 4\d{7} bytes/);
  expect((await limits(container)).memory).toBe(String(64n * mib));
});

// Containerd 1.6 takes any change of a container that has ended.
berthTest('a container that has ended has no limits to change, and one that is unknown is not found', async () => {
  const { world } = suite;
  const { container } = await world.runToEnd('true');
  await rejection(world.cri.updateResources(container.id, { memoryLimitInBytes: 64n * mib }));
  const unknown = await rejection(world.cri.updateResources('f'.repeat(64), { memoryLimitInBytes: 64n * mib }));
  expect(unknown.code).toBe(status.NOT_FOUND);
});

berthTest('what the kubelet gives the pod in all is kept', async () => {
  const { world } = suite;
  const overhead = { memoryLimitInBytes: 8n * mib };
  const pod = await world.runPod(world.podConfig({ host: true, linux: { overhead } }));
  await world.cri.updatePodResources(pod.id, { resources: { cpuShares: 1024n } });
  const { info } = await world.cri.podStatusVerbose(pod.id);
  expect(JSON.parse(info['info'] ?? '')).toMatchObject({
    overhead: { memoryLimitInBytes: Number(8n * mib) },
    resources: { cpuShares: 1024 },
  });
  const wrong = await rejection(world.cri.updatePodResources(pod.id, { resources: { cpuShares: -1n } }));
  expect(wrong).toMatchObject({ code: status.INVALID_ARGUMENT });
  expect(wrong.details).toContain('config.linux.resources.cpu_shares');
  await world.cri.stopPod(pod.id);
  expect((await rejection(world.cri.updatePodResources(pod.id, {}))).code).toBe(status.FAILED_PRECONDITION);
});
