import type { LinuxContainerResources } from '../../wire';
import { figure, type Spec } from './metric';

export const specMetrics = [
  figure(
    'gauge',
    'container_spec_cpu_period',
    'Period of the CPU quota, in microseconds',
    ({ spec }) => spec?.cpuPeriod,
  ),
  figure('gauge', 'container_spec_cpu_quota', 'CPU time in each period, in microseconds', ({ spec }) => spec?.cpuQuota),
  figure('gauge', 'container_spec_cpu_shares', 'Weight of the container for the CPU', ({ spec }) => spec?.cpuShares),
  figure(
    'gauge',
    'container_spec_memory_limit_bytes',
    'Memory limit, in bytes; 0: none',
    ({ spec }) => spec?.memoryLimit,
  ),
  figure(
    'gauge',
    'container_spec_memory_swap_limit_bytes',
    'Limit of memory and swap together, in bytes; 0: none',
    ({ spec }) => spec?.swapLimit,
  ),
  figure(
    'gauge',
    'container_spec_memory_reservation_limit_bytes',
    'Memory that is not reclaimed, in bytes; 0: none',
    ({ spec }) => spec?.memoryReservation,
  ),
];

/** What the kernel gives a cgroup of which nothing is said. */
const byDefault = { cpuPeriod: 100_000n, cpuShares: 1024n };

/** The limits that a container has been given, by its record; 0 and what is not there are not set (CRI). */
export function specOf(resources: LinuxContainerResources | undefined): Spec {
  const {
    cpuPeriod = 0n,
    cpuQuota = 0n,
    cpuShares = 0n,
    memoryLimitInBytes = 0n,
    memorySwapLimitInBytes = 0n,
  } = resources ?? {};
  const memoryLimit = atLeastNone(memoryLimitInBytes);
  return {
    cpuPeriod: cpuPeriod > 0n ? cpuPeriod : byDefault.cpuPeriod,
    cpuQuota: cpuQuota > 0n ? cpuQuota : undefined,
    cpuShares: cpuShares > 0n ? cpuShares : byDefault.cpuShares,
    memoryLimit,
    // A memory limit without one of swap allows no swap; less than 0 allows any.
    swapLimit: memorySwapLimitInBytes === 0n ? memoryLimit : atLeastNone(memorySwapLimitInBytes),
    memoryReservation: reservation(resources?.unified['memory.min']),
  };
}

function atLeastNone(limit: bigint): bigint {
  return limit > 0n ? limit : 0n;
}

/** memory.min as the kubelet's memory QoS sets it; `max` is no number of bytes. */
function reservation(text = '0'): bigint | undefined {
  return /^\d+$/.test(text) ? BigInt(text) : undefined;
}
