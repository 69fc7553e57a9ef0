import type { ContainerStats, PodSandboxStats } from '../../../src/wire';

/** What is compared: CRI's fields, counters of CPU time as cores over the interval. */
export const figureNames = [
  'cpu over the interval, cores',
  'cpu.usage_nano_cores, cores',
  'memory.usage_bytes',
  'memory.working_set_bytes',
  'memory.rss_bytes',
  'memory.available_bytes',
  'memory.page_faults',
  'memory.major_page_faults',
  'writable_layer.used_bytes',
  'writable_layer.inodes_used',
  'process.process_count',
  'network.rx_bytes',
  'network.tx_bytes',
] as const;
export type FigureName = (typeof figureNames)[number];

/** One figure of each name; absent: not told. */
export type Figures = Partial<Readonly<Record<FigureName, number>>>;

/** CPU time in nanoseconds at a moment in nanoseconds. */
export interface CpuReading {
  readonly at: number;
  readonly cpuNs: number;
}

/** How many processors were in use between two readings. */
export const coresBetween = (from: CpuReading, to: CpuReading): number => (to.cpuNs - from.cpuNs) / (to.at - from.at);

type Value = { readonly value: bigint } | undefined;
type Usage = Pick<ContainerStats, 'cpu' | 'memory'>;

/** What two answers of ContainerStats, one after the other, say of a container. */
export function figuresOfContainer(before: ContainerStats, after: ContainerStats): Figures {
  const { usedBytes, inodesUsed } = after.writableLayer ?? {};
  return {
    ...usageOf(before, after),
    ...told('writable_layer.used_bytes', usedBytes),
    ...told('writable_layer.inodes_used', inodesUsed),
  };
}

/** The same of PodSandboxStats. */
export function figuresOfPod({ linux: before }: PodSandboxStats, { linux: after }: PodSandboxStats): Figures {
  const { rxBytes, txBytes } = after?.network?.defaultInterface ?? {};
  return {
    ...(before && after && usageOf(before, after)),
    ...told('process.process_count', after?.process?.processCount),
    ...told('network.rx_bytes', rxBytes),
    ...told('network.tx_bytes', txBytes),
  };
}

function usageOf({ cpu: before }: Usage, { cpu, memory }: Usage): Figures {
  const [from, to] = [cpuReading(before), cpuReading(cpu)];
  const rate = cpu?.usageNanoCores;
  return {
    ...(from && to && { 'cpu over the interval, cores': coresBetween(from, to) }),
    ...(rate && { 'cpu.usage_nano_cores, cores': Number(rate.value) / 1e9 }),
    ...told('memory.usage_bytes', memory?.usageBytes),
    ...told('memory.working_set_bytes', memory?.workingSetBytes),
    ...told('memory.rss_bytes', memory?.rssBytes),
    ...told('memory.available_bytes', memory?.availableBytes),
    ...told('memory.page_faults', memory?.pageFaults),
    ...told('memory.major_page_faults', memory?.majorPageFaults),
  };
}

function cpuReading(cpu: ContainerStats['cpu']): CpuReading | undefined {
  if (!cpu?.usageCoreNanoSeconds) return undefined;
  return { at: Number(cpu.timestamp), cpuNs: Number(cpu.usageCoreNanoSeconds.value) };
}

const told = (name: FigureName, value: Value): Figures => (value ? { [name]: Number(value.value) } : {});
