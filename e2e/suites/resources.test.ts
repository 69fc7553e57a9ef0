import { status } from '@grpc/grpc-js';
import { readdir } from 'node:fs/promises';
import type { PartialResources } from '../support/cri';
import { rejection } from '../support/matchers';
import { spareDaemon } from '../support/spare-daemon';
import { berthTest, useWorld } from '../support/suite';
import type { Running, World } from '../support/world';

const suite = useWorld();
const mib = 1n << 20n;
const page = 4096n;

const start = (resources: PartialResources) => suite.world.start({ linux: { resources } });

/** A file of the container's own cgroup as it sees it itself; on v1 with the controller's folder before it. */
async function own(container: Running, v2: string, v1: string, world: World = suite.world): Promise<string> {
  const script = `cd /sys/fs/cgroup; if [ -f "${v2}" ]; then cat ${v2}; elif [ -f "${v1}" ]; then cat ${v1}; else echo none; fi`;
  return world.sh(container, script);
}

const isV2 = async (container: Running) =>
  (await suite.world.sh(container, 'test -e /sys/fs/cgroup/cgroup.controllers && echo yes || echo no')) === 'yes';

test('cpu: shares, quota and period', async () => {
  const container = await start({ cpuShares: 512n, cpuQuota: 25_000n, cpuPeriod: 50_000n });
  if (await isV2(container)) {
    expect(await own(container, 'cpu.max', '')).toBe('25000 50000');
    // runc's conversion of 2..262144 to 1..10000, or that of newer ones.
    expect(['20', '59']).toContain(await own(container, 'cpu.weight', ''));
  } else {
    expect(await own(container, '', 'cpu/cpu.cfs_quota_us')).toBe('25000');
    expect(await own(container, '', 'cpu/cpu.cfs_period_us')).toBe('50000');
    expect(await own(container, '', 'cpu/cpu.shares')).toBe('512');
  }
});

test('cpusets', async () => {
  const container = await start({ cpusetCpus: '0', cpusetMems: '0' });
  expect(await own(container, 'cpuset.cpus', 'cpuset/cpuset.cpus')).toBe('0');
  expect(await own(container, 'cpuset.mems', 'cpuset/cpuset.mems')).toBe('0');
  expect(await suite.world.sh(container, 'grep Cpus_allowed_list /proc/self/status')).toMatch(/\s0$/);
});

describe('memory and swap', () => {
  const limit = 64n * mib;

  test.each([
    ['a limit alone allows no swap', { memoryLimitInBytes: limit }, '0', limit],
    ['equal limits allow no swap', { memoryLimitInBytes: limit, memorySwapLimitInBytes: limit }, '0', limit],
    [
      'swap is what goes beyond memory',
      { memoryLimitInBytes: limit, memorySwapLimitInBytes: limit + 16n * mib },
      String(16n * mib),
      limit + 16n * mib,
    ],
    ['-1 is any amount of swap', { memoryLimitInBytes: limit, memorySwapLimitInBytes: -1n }, 'max', -1n],
  ])('%s', async (_name, resources, swapMax, together) => {
    const container = await start(resources);
    expect(await own(container, 'memory.max', 'memory/memory.limit_in_bytes')).toBe(String(limit));
    const swap = await own(container, 'memory.swap.max', 'memory/memory.memsw.limit_in_bytes');
    // A kernel that does not count swap has no such file.
    if (swap === 'none') return;
    if (await isV2(container)) expect(swap).toBe(swapMax);
    else if (together > 0n) expect(swap).toBe(String(together));
    else expect(BigInt(swap)).toBeGreaterThan(1n << 60n);
  });

  test('no limit is none', async () => {
    const memory = await own(await start({}), 'memory.max', 'memory/memory.limit_in_bytes');
    if (memory !== 'max') expect(BigInt(memory)).toBeGreaterThan(1n << 60n);
  });

  test('a limit that no process fits in is told as that', async () => {
    const error = await rejection(start({ memoryLimitInBytes: page }));
    // A scope of systemd's may be gone with its only process before runc can say why.
    expect(error.details).toMatch(/memory|cannot get dir FD/i);
  });
});

// Containerd 1.6 leaves sizes that are not asked for as they are, and gives runc what it has no cgroup for.
berthTest('huge pages: each size that the kernel has', async () => {
  const sizes = (await readdir('/sys/kernel/mm/hugepages')).map((name) => Number(/(\d+)kB/.exec(name)?.[1]));
  const named = sizes.map((kib) => (kib >= 1 << 20 ? `${kib / (1 << 20)}GB` : `${kib / 1024}MB`));
  const container = await start({ hugepageLimits: named.map((pageSize) => ({ pageSize, limit: 0n })) });
  for (const size of named) {
    const limit = await own(container, `hugetlb.${size}.max`, `hugetlb/hugetlb.${size}.limit_in_bytes`);
    expect(['0', 'none']).toContain(limit);
  }
});

berthTest('unified: files of cgroup v2 are written as they are', async () => {
  const container = await start({ unified: { 'memory.high': String(48n * mib), 'pids.max': '77' } });
  if (!(await isV2(container))) return;
  expect(await own(container, 'memory.high', '')).toBe(String(48n * mib));
  expect(await own(container, 'pids.max', '')).toBe('77');
});

test('oom_score_adj', async () => {
  const container = await start({ oomScoreAdj: 321n });
  expect(await suite.world.sh(container, 'cat /proc/1/oom_score_adj')).toBe('321');
});

test('a container sees its own cgroup and cannot change it', async () => {
  const container = await start({ memoryLimitInBytes: 64n * mib });
  const { world } = suite;
  const v2 = await isV2(container);
  // On v1 the folder of the hierarchies is a file system of the container's own.
  const dir = v2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory';
  const limit = `${dir}/${v2 ? 'memory.max' : 'memory.limit_in_bytes'}`;
  expect(await world.sh(container, `(echo 1 > ${limit}) 2>/dev/null && echo written || echo refused`)).toBe('refused');
  expect(await world.sh(container, `mkdir ${dir}/mine 2>/dev/null && echo made || echo refused`)).toBe('refused');
  const mounts = await world.sh(container, 'awk \'$3 ~ "^cgroup" { print $4 }\' /proc/self/mounts');
  for (const options of mounts.split('\n')) expect(options).toMatch(/^ro(,|$)/);
  if (v2) expect(await world.sh(container, 'cat /proc/1/cgroup')).toBe('0::/');
});

berthTest('runtime.pids_limit holds for every container, after an update too', async () => {
  await using spare = await spareDaemon({ config: '[runtime]\npids_limit = 99\n' });
  const { world } = spare;
  await world.cri.pull(suite.world.containerConfig().image?.image ?? '');
  const container = await world.start({ linux: { resources: { memoryLimitInBytes: 64n * mib } } });
  expect(await own(container, 'pids.max', 'pids/pids.max', world)).toBe('99');
  await world.cri.updateResources(container.id, { memoryLimitInBytes: 80n * mib });
  expect(await own(container, 'pids.max', 'pids/pids.max', world)).toBe('99');
});

berthTest('a cgroup parent of the other driver is refused by name', async () => {
  const { world } = suite;
  const config = world.podConfig({ host: true });
  const isSlice = config.linux?.cgroupParent.endsWith('.slice');
  const cgroupParent = isSlice ? '/e2e/other' : 'e2e-other.slice';
  const error = await rejection(
    world.cri.runPod({ ...config, linux: { ...config.linux, cgroupParent } as typeof config.linux }),
  );
  expect(error.code).toBe(status.INVALID_ARGUMENT);
  expect(error.details).toMatch(/config\.linux\.cgroup_parent.*runtime\.cgroup_driver/);
});

berthTest('a pod that names no cgroup parent has one, and it goes with the pod', async () => {
  const { world } = suite;
  const config = world.podConfig({ host: true });
  const pod = await world.runPod({ ...config, linux: { ...config.linux, cgroupParent: '' } as typeof config.linux });
  const container = await world.start({}, pod);
  const { info } = await world.cri.containerStatusVerbose(container.id);
  const { cgroupPath } = JSON.parse(info['info'] ?? '{}') as { cgroupPath: string };
  expect(cgroupPath).toMatch(/berth-[0-9a-f]{8}/);
  await world.removePod(pod.id);
});
