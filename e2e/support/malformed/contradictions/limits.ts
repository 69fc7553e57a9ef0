import type { Message } from '../message';
import { contradictions, type Contradiction, type ContradictionsOf } from './contradiction';

const kib = 1024n;
const usual = { cpu_shares: 512n, memory_limit_in_bytes: 64n << 20n };

/** Limits that no kernel takes: refused wherever they are given. */
const impossible: readonly (readonly [string, Message])[] = [
  ['less memory than a process needs', { memory_limit_in_bytes: 1n }],
  ['one page of memory', { memory_limit_in_bytes: 4n * kib }],
  ['memory below none', { memory_limit_in_bytes: -2n }],
  ['swap below memory', { memory_limit_in_bytes: 64n << 20n, memory_swap_limit_in_bytes: 1n << 20n }],
  ['swap without memory', { memory_limit_in_bytes: -1n, memory_swap_limit_in_bytes: 1n << 20n }],
  ['one share', { cpu_shares: 1n }],
  ['shares beyond the most', { cpu_shares: 262_145n }],
  ['shares below 0', { cpu_shares: -5n }],
  ['a period of a microsecond', { cpu_period: 1n }],
  ['a period of two seconds', { cpu_period: 2_000_000n }],
  ['a quota of ten microseconds', { cpu_quota: 10n }],
  ['a quota below none', { cpu_quota: -7n }],
  ['a quota beyond 2^53', { cpu_quota: 2n ** 62n }],
  ['a quota beyond what the kernel counts', { cpu_quota: 2n ** 52n }],
  ['a CPU that is not there', { cpuset_cpus: '4999' }],
  ['no CPU', { cpuset_cpus: '3-1' }],
  ['a memory node that is not there', { cpuset_mems: '4999' }],
  ['CPUs in words', { cpuset_cpus: 'all' }],
  ['CPUs with a line break', { cpuset_cpus: '0\n' }],
  ['pages of no size', { hugepage_limits: [{ page_size: 'huge', limit: 1n }] }],
  ['pages by a path', { hugepage_limits: [{ page_size: '../2MB', limit: 0n }] }],
  ['pages twice', { hugepage_limits: [1n, 2n].map((limit) => ({ page_size: '2MB', limit })) }],
  ['a file of the cgroup itself', { unified: [{ key: 'cgroup.procs', value: '1' }] }],
  ['a file elsewhere', { unified: [{ key: '../memory.max', value: '1' }] }],
  ['a line more in a file', { unified: [{ key: 'memory.high', value: '1\n2' }] }],
  ['an OOM score beyond the highest', { oom_score_adj: 1001n }],
];

const over = (resources: Message): Message => ({ ...usual, ...resources });

/** Limits of containers and pods, at their making and later. */
export const limitContradictions: ContradictionsOf = ({ exited, running, created }) => {
  const create = contradictions('CreateContainer');
  const run = contradictions('RunPodSandbox');
  const update = contradictions('UpdateContainerResources');
  const updatePod = contradictions('UpdatePodSandboxResources');
  const tooLow: readonly Contradiction[] = [
    16n,
    100n,
    512n,
    1024n,
    2048n,
    4096n,
    5120n,
    6144n,
    7168n,
    8192n,
    12_288n,
  ].map((amount) =>
    create.started(`${amount} KiB of memory`, { 'config.linux.resources': { memory_limit_in_bytes: amount * kib } }),
  );
  return [
    ...impossible.flatMap(([name, resources]) => [
      create.refused(name, { 'config.linux.resources': over(resources) }),
      update.refused(name, { linux: resources }),
      ...('cpuset_cpus' in resources ||
      'cpuset_mems' in resources ||
      'hugepage_limits' in resources ||
      'memory_limit_in_bytes' in resources
        ? []
        : [
            run.refused(`a pod with ${name}`, { 'config.linux.resources': over(resources) }),
            updatePod.refused(`a pod with ${name}`, { resources: over(resources) }),
            updatePod.refused(`overhead of ${name}`, { overhead: over(resources) }),
          ]),
    ]),
    ...tooLow,
    create.started('swap that is beyond memory, on whatever kernel', {
      'config.linux.resources': { memory_limit_in_bytes: 64n << 20n, memory_swap_limit_in_bytes: 128n << 20n },
    }),
    create.started('the highest quota of the shortest period', {
      'config.linux.resources': { cpu_quota: 2n ** 40n, cpu_period: 1000n },
    }),
    create.either('a key of unified that no kernel has', {
      'config.linux.resources': { unified: [{ key: 'memory.not_there', value: 'x' }] },
    }),
    // Without a hugetlb controller they are left out.
    create.either('pages of a size that is not there', {
      'config.linux.resources.hugepage_limits': [{ page_size: '3MB', limit: 0n }],
    }),
    update.either('pages of a size that is not there', { 'linux.hugepage_limits': [{ page_size: '3MB', limit: 0n }] }),
    update.refused('of a container that has exited', { container_id: exited }),
    update.served('of a container that is created', { container_id: created }),
    update.refused('without limits', { container_id: running, linux: undefined }),
    update.refused('for Windows', { windows: {} }),
    update.either('less memory than it uses', { linux: { memory_limit_in_bytes: 300n * kib } }),
  ];
};
