import { inSlices, type Log, messageOf } from '../base';
import type { Containers } from '../containers';
import type { CgroupMeter, CgroupUsage, Kernel } from '../kernel';
import type { Pods } from '../pods';
import { CpuRates } from './cpu-rates';
import type { FsSample, FsUsageWatch } from './fs-usage';
import { PodNetworks, type NetworkSample } from './pod-network';
import { hasProcesses } from './running';

type PodRecord = ReturnType<Pods['list']>[number];
type ContainerRecord = ReturnType<Containers['list']>[number];

/** What a cgroup uses, and how many nanoseconds of CPU time a second it has been using of late. */
export interface Usage extends CgroupUsage {
  readonly nanoCores?: bigint;
}

export interface ContainerUsage {
  /** Absent once the container has ended. */
  readonly usage?: Usage;
  /** As it was counted last; absent until that has been done. */
  readonly writableLayer?: FsSample;
}

export interface PodUsage {
  /** Absent for a pod that is not ready. */
  readonly usage?: Usage;
  readonly network?: NetworkSample;
  /** Tasks of all its containers. */
  readonly tasks?: bigint;
}

/** What pods and containers use. Reads of cgroups are fresh; the rest is as the background has found it. */
export interface StatsWatch {
  container(container: ContainerRecord): ContainerUsage;
  pod(pod: PodRecord): PodUsage;
  /** The pod's interfaces as the last sample found them; undefined for a pod on the node's network. Asking makes the next. */
  network(podId: string): NetworkSample | undefined;
}

export interface StatsParts {
  readonly meter: CgroupMeter;
  readonly kernel: Pick<Kernel, 'interfaceCounters'>;
  readonly pods: Pick<Pods, 'list'>;
  readonly containers: Pick<Containers, 'list'>;
  readonly fsUsage: Pick<FsUsageWatch, 'writableLayer'>;
  readonly log: Log;
  readonly closing: AbortSignal;
}

/** Milliseconds between two samples of the background: as often as the kubelet asks. */
const samplePeriodMs = 10_000;

/** Samples CPU time and networks in the background until `closing`; nothing that is asked waits for that. */
export function watchStats(parts: StatsParts): StatsWatch {
  const { meter, pods, containers, log, closing } = parts;
  const rates = new CpuRates();
  const ready = () => pods.list().filter(isReady);
  const networks = new PodNetworks(parts.kernel, ready, log, closing);

  const sampleCpu = async (): Promise<void> => {
    const cgroups = new Set([
      ...ready().map((pod) => pod.cgroupParent),
      ...containers
        .list()
        .filter(hasProcesses)
        .map((container) => container.cgroupPath),
    ]);
    rates.keep(cgroups);
    await inSlices(cgroups, (cgroup) => {
      const cpuNs = meter.cpuNs(cgroup);
      if (cpuNs !== undefined) rates.sample(cgroup, cpuNs);
    });
  };

  const timer = setInterval(() => {
    sampleCpu().catch((error: unknown) => log.warn({ err: error }, `CPU time of cgroups: ${messageOf(error)}`));
    void networks.sample();
  }, samplePeriodMs);
  timer.unref();
  closing.addEventListener('abort', () => clearInterval(timer), { once: true });

  const usageOf = (cgroup: string): Usage | undefined => {
    const read = meter.read(cgroup);
    const nanoCores = read?.cpuNs === undefined ? undefined : rates.rate(cgroup, read.cpuNs);
    return read && { ...read, ...(nanoCores !== undefined && { nanoCores }) };
  };

  return {
    network: (podId) => networks.of(podId),
    container(container) {
      const usage = hasProcesses(container) ? usageOf(container.cgroupPath) : undefined;
      const writableLayer = parts.fsUsage.writableLayer(container.id);
      return { ...(usage && { usage }), ...(writableLayer && { writableLayer }) };
    },
    pod(pod) {
      if (!isReady(pod)) return {};
      const usage = usageOf(pod.cgroupParent);
      const network = networks.of(pod.id);
      const tasks = meter.tasks(pod.cgroupParent);
      return { ...(usage && { usage }), ...(network && { network }), ...(tasks !== undefined && { tasks }) };
    },
  };
}

function isReady(pod: PodRecord): boolean {
  return pod.phase === 'ready';
}
