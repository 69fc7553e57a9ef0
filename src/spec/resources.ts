import type { LinuxContainerResources } from '../wire';
import type { HostFacts, SpecDefaults } from './input';
import type { DeviceRule, LinuxResources } from './oci';
import { exactNumber } from './refuse';

export interface Resources {
  readonly resources: LinuxResources;
  readonly notes: readonly string[];
}

/** The limits of the container's cgroup (CRI LinuxContainerResources): 0 and empty are not set. */
export function containerResources(
  id: string,
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
      ...(cri && cpu(id, cri)),
      ...(cri && memory(id, cri, facts)),
      ...(hugepages.length > 0 && {
        hugepageLimits: hugepages.map(({ pageSize, limit }) => ({
          pageSize,
          limit: exactNumber(limit, id, `hugepage_limits.${pageSize}`),
        })),
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
    ],
  };
}

function cpu(id: string, cri: LinuxContainerResources): Pick<LinuxResources, 'cpu'> {
  const set = {
    ...(cri.cpuShares !== 0n && { shares: exactNumber(cri.cpuShares, id, 'cpu_shares') }),
    ...(cri.cpuQuota !== 0n && { quota: exactNumber(cri.cpuQuota, id, 'cpu_quota') }),
    ...(cri.cpuPeriod !== 0n && { period: exactNumber(cri.cpuPeriod, id, 'cpu_period') }),
    ...(cri.cpusetCpus !== '' && { cpus: cri.cpusetCpus }),
    ...(cri.cpusetMems !== '' && { mems: cri.cpusetMems }),
  };
  return Object.keys(set).length > 0 ? { cpu: set } : {};
}

/** Where swap is counted, a memory limit without a swap limit means no swap at all: the two are then equal. */
function memory(id: string, cri: LinuxContainerResources, facts: HostFacts): Pick<LinuxResources, 'memory'> {
  const limit = exactNumber(cri.memoryLimitInBytes, id, 'memory_limit_in_bytes');
  const swap = exactNumber(cri.memorySwapLimitInBytes, id, 'memory_swap_limit_in_bytes') || limit;
  const set = {
    ...(limit !== 0 && { limit }),
    ...(swap !== 0 && facts.swapAccounting === true && { swap }),
  };
  return Object.keys(set).length > 0 ? { memory: set } : {};
}
