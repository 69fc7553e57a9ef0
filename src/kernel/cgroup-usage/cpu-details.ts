import type { CpuDetails } from './details';
import { readSmall } from './file';
import { figureOf } from './parse';
import { cpuOfV1 } from './v1';

/** cpuacct.stat counts in hundredths of a second, whatever the kernel's own clock (USER_HZ). */
const tickNs = 10_000_000n;

/** Of a cgroup of v1: its folder in the hierarchies of cpuacct and of cpu, which may be one or missing. */
export function cpuDetailsOfV1(cpuacct: string | undefined, cpu: string | undefined): CpuDetails | undefined {
  const times = cpuacct === undefined ? '' : (readSmall(`${cpuacct}/cpuacct.stat`) ?? '');
  const quota = cpu === undefined ? '' : (readSmall(`${cpu}/cpu.stat`) ?? '');
  if (times === '' && quota === '') return undefined;
  const ticks = (key: string) => scaled(figureOf(times, key), tickNs);
  return {
    usageNs: cpuacct === undefined ? undefined : cpuOfV1(cpuacct),
    userNs: ticks('user'),
    systemNs: ticks('system'),
    periods: figureOf(quota, 'nr_periods'),
    throttledPeriods: figureOf(quota, 'nr_throttled'),
    throttledNs: figureOf(quota, 'throttled_time'),
    burstPeriods: figureOf(quota, 'nr_bursts'),
    burstNs: figureOf(quota, 'burst_time'),
  };
}

/** Of a cgroup of v2: without the controller the times alone. */
export function cpuDetailsOfV2(dir: string): CpuDetails | undefined {
  const stat = readSmall(`${dir}/cpu.stat`);
  if (stat === undefined) return undefined;
  const micros = (key: string) => scaled(figureOf(stat, key), 1000n);
  return {
    usageNs: micros('usage_usec'),
    userNs: micros('user_usec'),
    systemNs: micros('system_usec'),
    periods: figureOf(stat, 'nr_periods'),
    throttledPeriods: figureOf(stat, 'nr_throttled'),
    throttledNs: micros('throttled_usec'),
    burstPeriods: figureOf(stat, 'nr_bursts'),
    burstNs: micros('burst_usec'),
  };
}

function scaled(figure: bigint | undefined, by: bigint): bigint | undefined {
  return figure === undefined ? undefined : figure * by;
}
