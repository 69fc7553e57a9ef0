import { checkResources, limitFiles, mergeResources } from '../../src/spec';
import { LinuxContainerResources } from '../../src/wire';

type Partial = Parameters<typeof LinuxContainerResources.fromPartial>[0];
const of = (partial: Partial) => LinuxContainerResources.fromPartial(partial);
const whose = { op: 'UpdateContainerResources', object: 'container c', field: 'linux' };

describe('what the kernel would not take is refused, by the field', () => {
  test.each<[string, Partial]>([
    ['cpu_period', { cpuPeriod: 999n }],
    ['cpu_period', { cpuPeriod: 1_000_001n }],
    ['cpu_period', { cpuPeriod: -1n }],
    ['cpu_quota', { cpuQuota: 999n }],
    ['cpu_quota', { cpuQuota: -2n }],
    ['cpu_shares', { cpuShares: 1n }],
    ['cpu_shares', { cpuShares: 262_145n }],
    ['cpu_shares', { cpuShares: -5n }],
    ['cpuset_cpus', { cpusetCpus: '0-' }],
    ['cpuset_cpus', { cpusetCpus: 'all' }],
    ['cpuset_cpus', { cpusetCpus: '0,3-1' }],
    ['cpu_quota', { cpuQuota: 2n ** 44n }],
    ['memory_swap_limit_in_bytes', { memorySwapLimitInBytes: 1n << 30n }],
    ['cpuset_mems', { cpusetMems: '0\n1' }],
    ['memory_limit_in_bytes', { memoryLimitInBytes: -2n }],
    ['memory_limit_in_bytes', { memoryLimitInBytes: 2n ** 60n }],
    ['memory_limit_in_bytes', { memoryLimitInBytes: 512n * 1024n - 1n }],
    ['memory_swap_limit_in_bytes', { memorySwapLimitInBytes: -2n }],
    ['memory_swap_limit_in_bytes', { memoryLimitInBytes: 64n << 20n, memorySwapLimitInBytes: 4096n }],
    ['memory_swap_limit_in_bytes', { memoryLimitInBytes: -1n, memorySwapLimitInBytes: 4096n }],
    ['oom_score_adj', { oomScoreAdj: 1001n }],
    ['oom_score_adj', { oomScoreAdj: -1001n }],
    ['hugepage_limits[0].page_size', { hugepageLimits: [{ pageSize: '../2MB', limit: 0n }] }],
    ['hugepage_limits[0].limit', { hugepageLimits: [{ pageSize: '2MB', limit: 2n ** 63n }] }],
    [
      'hugepage_limits[1].page_size',
      {
        hugepageLimits: [
          { pageSize: '2MB', limit: 0n },
          { pageSize: '2MB', limit: 1n },
        ],
      },
    ],
    ['unified', { unified: { '../memory.max': '1' } }],
    ['unified', { unified: { 'cgroup.procs': '1' } }],
    ['unified', { unified: { 'memory.max': '1\n2' } }],
  ])('%s of %j', (field, partial) => {
    expect(() => checkResources(whose, of(partial))).toThrow(
      expect.objectContaining({
        code: 'argument-invalid',
        message: expect.stringContaining(`linux.${field} `) as string,
      }) as Error,
    );
  });

  test('what a kubelet sends is taken', () => {
    checkResources(whose, of({}));
    const sent = of({
      cpuPeriod: 100_000n,
      cpuQuota: 20_000n,
      cpuShares: 2n,
      memoryLimitInBytes: 64n << 20n,
      memorySwapLimitInBytes: 64n << 20n,
      oomScoreAdj: -997n,
      cpusetCpus: '0-1,3',
      cpusetMems: '0',
      hugepageLimits: [
        { pageSize: '2MB', limit: 0n },
        { pageSize: '1GB', limit: 0n },
      ],
      unified: { 'memory.high': 'max', 'hugetlb.2MB.rsvd.max': '0' },
    });
    checkResources(whose, sent);
    checkResources(whose, of({ cpuQuota: -1n, memoryLimitInBytes: -1n, memorySwapLimitInBytes: -1n }));
  });
});

describe('an update', () => {
  const old = of({
    cpuShares: 512n,
    cpuQuota: 50_000n,
    memoryLimitInBytes: 100n,
    memorySwapLimitInBytes: 150n,
    hugepageLimits: [{ pageSize: '2MB', limit: 1n }],
    unified: { 'memory.high': '1', 'cpu.idle': '0' },
  });

  test('changes what it sets, and nothing else', () => {
    const change = of({
      cpuQuota: -1n,
      hugepageLimits: [{ pageSize: '1GB', limit: 2n }],
      unified: { 'memory.high': '2' },
    });
    expect(mergeResources(old, change)).toEqual({
      ...old,
      cpuQuota: -1n,
      hugepageLimits: [
        { pageSize: '2MB', limit: 1n },
        { pageSize: '1GB', limit: 2n },
      ],
      unified: { 'memory.high': '2', 'cpu.idle': '0' },
    });
    expect(mergeResources(undefined, change)).toBe(change);
  });

  test('of memory alone makes the swap limit of before void', () => {
    expect(mergeResources(old, of({ memoryLimitInBytes: 300n }))).toMatchObject({
      memoryLimitInBytes: 300n,
      memorySwapLimitInBytes: 0n,
    });
  });

  test.each([
    ['v2', { 'hugetlb.2MB.max': '4', 'memory.high': '1' }],
    ['v1', { 'hugetlb.2MB.limit_in_bytes': '4', 'memory.high': '1' }],
  ] as const)('writes what runtimes do not update to files of %s', (cgroup, files) => {
    const resources = { hugepageLimits: [{ pageSize: '2MB', limit: 4 }], unified: { 'memory.high': '1' } };
    expect(limitFiles({ devices: [], ...resources }, cgroup)).toEqual(files);
  });
});
