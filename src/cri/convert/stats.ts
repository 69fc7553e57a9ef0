import type {
  ContainerStats,
  CpuUsage,
  FilesystemUsage,
  IoUsage,
  LinuxPodSandboxStats,
  MemoryUsage,
  NetworkUsage,
  PodSandboxStats,
  PsiData,
  PsiStats,
  SwapUsage,
} from '../../wire';
import type { ContainerRecord, ContainerUsage, CriParts, PodRecord, PodUsage } from '../parts';

type Usage = NonNullable<ContainerUsage['usage']>;
type Pressure = NonNullable<NonNullable<Usage['pressure']>['cpu']>;

/** The interface that the pod's address is on (CNI: the runtime names it). */
const defaultInterface = 'eth0';

/** What a container uses. One that has ended uses no CPU and no memory: both are absent, as the peers have it. */
export function toContainerStats(parts: CriParts, container: ContainerRecord): ContainerStats {
  const { usage, writableLayer } = parts.stats.container(container);
  const { metadata, labels, annotations } = container.config;
  return {
    attributes: { id: container.id, metadata, labels, annotations },
    cpu: usage && toCpu(usage),
    memory: usage && toMemory(usage),
    writableLayer: writableLayer && toLayer(writableLayer, parts.facts.root),
    swap: usage && toSwap(usage),
    io: usage && toIo(usage),
  };
}

/** What a pod uses, all that is in its cgroup together, and its containers one by one. */
export function toPodStats(parts: CriParts, pod: PodRecord, containers: readonly ContainerRecord[]): PodSandboxStats {
  const { metadata, labels, annotations } = pod.config;
  return {
    attributes: { id: pod.id, metadata, labels, annotations },
    linux: { ...toLinux(parts.stats.pod(pod)), containers: containers.map((one) => toContainerStats(parts, one)) },
    windows: undefined,
  };
}

function toLinux({ usage, network, tasks }: PodUsage): Omit<LinuxPodSandboxStats, 'containers'> {
  return {
    cpu: usage && toCpu(usage),
    memory: usage && toMemory(usage),
    network: network && toNetwork(network),
    process: usage && tasks !== undefined ? { timestamp: usage.timestamp, processCount: { value: tasks } } : undefined,
    io: usage && toIo(usage),
  };
}

function toCpu({ timestamp, cpuNs, nanoCores, pressure }: Usage): CpuUsage {
  return {
    timestamp,
    usageCoreNanoSeconds: value(cpuNs),
    usageNanoCores: value(nanoCores),
    psi: toPsi(pressure?.cpu),
  };
}

function toMemory({ timestamp, memory, pressure }: Usage): MemoryUsage {
  const { limit, workingSet = 0n } = memory ?? {};
  return {
    timestamp,
    workingSetBytes: value(memory?.workingSet),
    availableBytes: value(limit === undefined ? undefined : left(limit, workingSet)),
    usageBytes: value(memory?.usage),
    rssBytes: value(memory?.rss),
    pageFaults: value(memory?.pageFaults),
    majorPageFaults: value(memory?.majorPageFaults),
    psi: toPsi(pressure?.memory),
  };
}

function toSwap({ timestamp, swap }: Usage): SwapUsage | undefined {
  if (!swap) return undefined;
  const { usage, limit } = swap;
  return {
    timestamp,
    swapAvailableBytes: value(limit === undefined ? undefined : left(limit, usage)),
    swapUsageBytes: value(usage),
  };
}

function toIo({ timestamp, pressure }: Usage): IoUsage | undefined {
  return pressure?.io && { timestamp, psi: toPsi(pressure.io) };
}

function toPsi(pressure: Pressure | undefined): PsiStats | undefined {
  return pressure && { Some: toPsiData(pressure.some), Full: pressure.full && toPsiData(pressure.full) };
}

function toPsiData({ totalUs, avg10, avg60, avg300 }: Pressure['some']): PsiData {
  return { Total: totalUs, Avg10: avg10, Avg60: avg60, Avg300: avg300 };
}

function toLayer(sample: NonNullable<ContainerUsage['writableLayer']>, mountpoint: string): FilesystemUsage {
  const { timestamp, bytes, inodes } = sample;
  return { timestamp, fsId: { mountpoint }, usedBytes: value(bytes), inodesUsed: value(inodes) };
}

function toNetwork({ timestamp, interfaces }: NonNullable<PodUsage['network']>): NetworkUsage {
  const all = interfaces.map(({ name, rxBytes, rxErrors, txBytes, txErrors }) => ({
    name,
    rxBytes: value(rxBytes),
    rxErrors: value(rxErrors),
    txBytes: value(txBytes),
    txErrors: value(txErrors),
  }));
  return {
    timestamp,
    defaultInterface: all.find(({ name }) => name === defaultInterface),
    interfaces: all.filter(({ name }) => name !== defaultInterface),
  };
}

/** Of a limit, what is not used; use may be above it for a moment. */
function left(limit: bigint, used: bigint): bigint {
  return limit > used ? limit - used : 0n;
}

function value(figure: bigint): { value: bigint };
function value(figure: bigint | undefined): { value: bigint } | undefined;
function value(figure: bigint | undefined): { value: bigint } | undefined {
  return figure === undefined ? undefined : { value: figure };
}
