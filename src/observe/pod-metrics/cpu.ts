import type { CgroupDetails } from '../../kernel';
import { figure, labelled, type Measured, seconds, values } from './metric';

type Cpu = NonNullable<CgroupDetails['cpu']>;

/** Without a quota nothing is counted, and cAdvisor shows nothing. */
const quota =
  (read: (cpu: Cpu) => bigint | undefined) =>
  ({ cgroup, hasQuota }: Measured) =>
    cgroup.cpu && hasQuota ? read(cgroup.cpu) : undefined;

export const cpuMetrics = [
  figure('counter', 'container_cpu_user_seconds_total', 'CPU time in user mode, in seconds', ({ cgroup }) =>
    seconds(cgroup.cpu?.userNs),
  ),
  figure('counter', 'container_cpu_system_seconds_total', 'CPU time in the kernel, in seconds', ({ cgroup }) =>
    seconds(cgroup.cpu?.systemNs),
  ),
  labelled('counter', 'container_cpu_usage_seconds_total', 'CPU time, in seconds', ['cpu'], ({ cgroup }) =>
    // Of all processors together, as the kubelet has cAdvisor tell it.
    values(seconds(cgroup.cpu?.usageNs), { labels: ['total'] }),
  ),
  figure(
    'counter',
    'container_cpu_cfs_periods_total',
    'Periods of the CPU quota in which there was work',
    quota((cpu) => cpu.periods),
  ),
  figure(
    'counter',
    'container_cpu_cfs_throttled_periods_total',
    'Periods in which the CPU quota was used up',
    quota((cpu) => cpu.throttledPeriods),
  ),
  figure(
    'counter',
    'container_cpu_cfs_throttled_seconds_total',
    'How long the CPU quota has held the container back, in seconds',
    quota((cpu) => seconds(cpu.throttledNs)),
  ),
  figure(
    'counter',
    'container_cpu_cfs_burst_periods_total',
    'Periods that used what earlier ones had left of the CPU quota',
    quota((cpu) => cpu.burstPeriods),
  ),
  figure(
    'counter',
    'container_cpu_cfs_burst_seconds_total',
    'CPU time that periods used beyond the quota, in seconds',
    quota((cpu) => seconds(cpu.burstNs)),
  ),
];
