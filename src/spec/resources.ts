import type { HugepageLimit, LinuxContainerResources } from '../wire';
import type { HostFacts, SpecDefaults } from './input';
import type { DeviceRule, LinuxResources } from './oci';

export interface Resources {
  readonly resources: LinuxResources;
  readonly notes: readonly string[];
}

/**
 * The limits of the container's cgroup (CRI LinuxContainerResources): 0 and empty are not set. They have been checked by
 * `checkResources`.
 */
export function containerResources(
  cri: LinuxContainerResources | undefined,
  facts: HostFacts,
  defaults: SpecDefaults,
  devices: readonly DeviceRule[],
): Resources {
  const pids = defaults.pidsLimit ?? 0;
  const has = (controller: string): boolean => facts.controllers?.includes(controller) ?? true;
  const hugepages = has('hugetlb') ? (cri?.hugepageLimits ?? []) : [];
  const unified = facts.cgroup === 'v2' ? (cri?.unified ?? {}) : {};
  return {
    resources: {
      devices,
      ...(cri && cpu(cri)),
      ...(cri && memory(cri, facts)),
      ...(hugepages.length > 0 && {
        hugepageLimits: hugepages.map(({ pageSize, limit }) => ({ pageSize, limit: Number(limit) })),
      }),
      ...(pids > 0 && has('pids') && { pids: { limit: pids } }),
      ...(Object.keys(unified).length > 0 && { unified }),
    },
    notes: [
      ...(!has('hugetlb') && cri?.hugepageLimits.some(({ limit }) => limit > 0n)
        ? ['hugepage_limits were left out: there is no hugetlb cgroup controller']
        : []),
      ...(facts.cgroup !== 'v2' && Object.keys(cri?.unified ?? {}).length > 0
        ? ['unified was left out: this node is not on cgroup v2']
        : []),
      ...(facts.swapAccounting !== true && cri && cri.memorySwapLimitInBytes > cri.memoryLimitInBytes
        ? ['memory_swap_limit_in_bytes was left out: this kernel does not count swap']
        : []),
    ],
  };
}

function cpu(cri: LinuxContainerResources): Pick<LinuxResources, 'cpu'> {
  const set = {
    ...(cri.cpuShares !== 0n && { shares: Number(cri.cpuShares) }),
    ...(cri.cpuQuota !== 0n && { quota: Number(cri.cpuQuota) }),
    ...(cri.cpuPeriod !== 0n && { period: Number(cri.cpuPeriod) }),
    ...(cri.cpusetCpus !== '' && { cpus: cri.cpusetCpus }),
    ...(cri.cpusetMems !== '' && { mems: cri.cpusetMems }),
  };
  return Object.keys(set).length > 0 ? { cpu: set } : {};
}

/** Where swap is counted, a memory limit without a swap limit means no swap at all: the two are then equal. */
function memory(cri: LinuxContainerResources, facts: HostFacts): Pick<LinuxResources, 'memory'> {
  const limit = Number(cri.memoryLimitInBytes);
  const swap = Number(cri.memorySwapLimitInBytes) || limit;
  const set = {
    ...(limit !== 0 && { limit }),
    ...(swap !== 0 && facts.swapAccounting === true && { swap }),
  };
  return Object.keys(set).length > 0 ? { memory: set } : {};
}

/** What stands after an update (CRI UpdateContainerResources): what the change does not set stays as it was. */
export function mergeResources(
  old: LinuxContainerResources | undefined,
  change: LinuxContainerResources,
): LinuxContainerResources {
  if (!old) return change;
  const changed = (limit: HugepageLimit): boolean =>
    change.hugepageLimits.some(({ pageSize }) => pageSize === limit.pageSize);
  return {
    cpuPeriod: change.cpuPeriod || old.cpuPeriod,
    cpuQuota: change.cpuQuota || old.cpuQuota,
    cpuShares: change.cpuShares || old.cpuShares,
    memoryLimitInBytes: change.memoryLimitInBytes || old.memoryLimitInBytes,
    // A swap limit of before was for the memory limit of before.
    memorySwapLimitInBytes:
      change.memorySwapLimitInBytes || (change.memoryLimitInBytes === 0n ? old.memorySwapLimitInBytes : 0n),
    oomScoreAdj: change.oomScoreAdj || old.oomScoreAdj,
    cpusetCpus: change.cpusetCpus || old.cpusetCpus,
    cpusetMems: change.cpusetMems || old.cpusetMems,
    hugepageLimits: [...old.hugepageLimits.filter((limit) => !changed(limit)), ...change.hugepageLimits],
    unified: { ...old.unified, ...change.unified },
  };
}

/** Limits that the `update` of OCI runtimes does not take, as the kernel's files of the container's cgroup. */
export function limitFiles(resources: LinuxResources, cgroup: HostFacts['cgroup']): Readonly<Record<string, string>> {
  const suffix = cgroup === 'v2' ? 'max' : 'limit_in_bytes';
  const hugepages = (resources.hugepageLimits ?? []).map(
    ({ pageSize, limit }) => [`hugetlb.${pageSize}.${suffix}`, String(limit)] as const,
  );
  return { ...Object.fromEntries(hugepages), ...resources.unified };
}
