import { type Log, nowNs } from '../../base';
import type { Containers } from '../../containers';
import type { CgroupDetailMeter, CgroupPart, FileSystemFigures, ProcessCounter } from '../../kernel';
import type { Pods } from '../../pods';
import type { FsUsageWatch } from '../fs-usage';
import { hasProcesses } from '../running';
import type { StatsWatch } from '../stats';
import { DeviceNames } from './device-names';
import { allMetrics, baseLabels, chosen, type MetricFamily } from './families';
import { FileSystemSample } from './file-system-sample';
import type { Measured, Metric, Value } from './metric';
import { ProcessSamples } from './process-samples';
import { specOf } from './spec';

type PodRecord = ReturnType<Pods['list']>[number];
type ContainerRecord = ReturnType<Containers['list']>[number];

/** A metric as it is announced: the keys of its labels, in the order in which their values come. */
export interface MetricDescriptor {
  readonly name: string;
  readonly help: string;
  readonly labelKeys: readonly string[];
}

/** One figure, with the values of all of its labels. */
export interface MetricSample {
  readonly name: string;
  readonly type: Metric['type'];
  readonly labelValues: readonly string[];
  readonly value: bigint;
  /** Nanoseconds since the epoch; absent: just now. */
  readonly timestamp?: bigint;
}

/** What pods and containers use, in cAdvisor's words (CRI ListPodSandboxMetrics). */
export interface PodMetrics {
  /** All that there may ever be, whatever the configuration says now. */
  readonly descriptors: readonly MetricDescriptor[];
  /** Of a pod that is ready, as a whole. */
  pod(pod: PodRecord): readonly MetricSample[];
  /** Of a container in a pod; undefined once it has ended. */
  container(container: ContainerRecord, pod: PodRecord): readonly MetricSample[] | undefined;
}

export interface PodMetricsParts {
  readonly meter: CgroupDetailMeter;
  readonly processes: ProcessCounter;
  /** The file system of the writable layers. */
  readonly fileSystem: () => Promise<FileSystemFigures>;
  readonly deviceFile: (major: number, minor: number) => string | undefined;
  readonly stats: Pick<StatsWatch, 'network'>;
  readonly fsUsage: Pick<FsUsageWatch, 'writableLayer'>;
  readonly containers: Pick<Containers, 'list'>;
  /** Those that are wanted now. */
  readonly families: () => readonly MetricFamily[];
  readonly log: Log;
  readonly closing: AbortSignal;
}

/** Reads of cgroups are fresh, the rest is as the background has found it; for families that are off nothing is read. */
export function createPodMetrics(parts: PodMetricsParts): PodMetrics {
  const { meter, log, closing } = parts;
  const running = () => parts.containers.list().filter(hasProcesses);
  const processes = new ProcessSamples(parts.processes, running, log, closing);
  const fileSystem = new FileSystemSample(parts.fileSystem, log, closing);
  const deviceName = new DeviceNames(parts.deviceFile).of;

  const wanted = memoized((names: readonly MetricFamily[]) => ({ names: new Set(names), ...chosen(names) }));
  // A pod's cgroup has no kills of its own: what v1 tells of it is not what happened in it.
  const ofPod = (cgroupParts: ReadonlySet<CgroupPart>) =>
    meter.oomKillsAreOfTheTree ? cgroupParts : new Set([...cgroupParts].filter((part) => part !== 'oom'));

  return {
    descriptors: allMetrics.map(({ name, help, labels }) => ({ name, help, labelKeys: [...baseLabels, ...labels] })),
    pod(pod) {
      const { names, metrics, parts: cgroupParts } = wanted(parts.families());
      const cgroup = meter.read(pod.cgroupParent, ofPod(cgroupParts));
      const measured: Measured = {
        now: nowNs(),
        createdAt: pod.createdAt,
        startedAt: pod.createdAt,
        cgroup,
        // Nothing is counted where there is no quota; nobody says whether there is one.
        hasQuota: (cgroup.cpu?.periods ?? 0n) > 0n,
        network: names.has('network') ? parts.stats.network(pod.id) : undefined,
        deviceName,
      };
      return samples(metrics, measured, ({ labels }) => {
        // Whose interface it is is told by the sandbox, as cAdvisor has it; the cgroup itself has no other name.
        const name = labels.includes('interface') ? pod.id : '';
        return labelValues({ pod, id: pod.cgroupParent, name });
      });
    },
    container(container, pod) {
      if (!hasProcesses(container)) return undefined;
      const { names, metrics, parts: cgroupParts } = wanted(parts.families());
      const resources = container.config.linux?.resources;
      const disk = names.has('disk');
      const measured: Measured = {
        now: nowNs(),
        createdAt: container.createdAt,
        startedAt: container.startedAt > 0n ? container.startedAt : undefined,
        cgroup: meter.read(container.cgroupPath, cgroupParts),
        hasQuota: (resources?.cpuQuota ?? 0n) > 0n,
        spec: names.has('spec') ? specOf(resources) : undefined,
        layer: disk ? parts.fsUsage.writableLayer(container.id) : undefined,
        fileSystem: disk ? fileSystem.get() : undefined,
        processes: names.has('process') ? processes.of(container.id) : undefined,
        deviceName,
      };
      const { metadata, image } = container.config;
      const values = labelValues({
        pod,
        container: metadata?.name ?? '',
        id: container.cgroupPath,
        image: image?.userSpecifiedImage || image?.image || container.imageRef,
        name: container.id,
      });
      return samples(metrics, measured, () => values);
    },
  };
}

interface Labelled {
  readonly pod: PodRecord;
  readonly container?: string;
  readonly id: string;
  readonly image?: string;
  readonly name: string;
}

/** In the order of `baseLabels`. */
function labelValues({ pod, container = '', id, image = '', name }: Labelled): readonly string[] {
  const { namespace = '', name: podName = '' } = pod.config.metadata ?? {};
  return [container, id, image, name, namespace, podName];
}

function samples(
  metrics: readonly Metric[],
  measured: Measured,
  base: (metric: Metric) => readonly string[],
): readonly MetricSample[] {
  return metrics.flatMap((metric) =>
    metric.read(measured).map(({ labels = [], ...value }: Value) => ({
      name: metric.name,
      type: metric.type,
      labelValues: [...base(metric), ...labels],
      ...value,
    })),
  );
}

/** Keeps what came of each list: the configuration's is the same object until a reload. */
function memoized<In extends object, Out>(make: (given: In) => Out): (given: In) => Out {
  const known = new WeakMap<In, Out>();
  return (given) => {
    let made = known.get(given);
    if (made === undefined) known.set(given, (made = make(given)));
    return made;
  };
}
