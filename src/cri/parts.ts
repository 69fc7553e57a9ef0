import type { Log } from '../base';
import type { Containers, PodLifecycle } from '../containers';
import type { Images } from '../image';
import type { NetworkCondition, Pods } from '../pods';
import type { CallObserver, EventFeed, PodEvent, PodMetrics, StatsWatch } from '../observe';
import type { StreamingServer } from '../streaming';

/** Snapshots as the rooms keep them: never changed, replaced as a whole. */
export type PodRecord = ReturnType<Pods['list']>[number];
export type ContainerRecord = ReturnType<Containers['list']>[number];
export type ImageRecord = ReturnType<Images['list']>[number];

/** What happened to them. */
export type { PodEvent };

/** What they use. */
export type ContainerUsage = ReturnType<StatsWatch['container']>;
export type PodUsage = ReturnType<StatsWatch['pod']>;
export type { MetricSample } from '../observe';

/** What a handler (`runtime_handler` of a pod) can do. */
export interface HandlerFacts {
  readonly name: string;
  readonly features: {
    readonly recursiveReadOnlyMounts: boolean;
    readonly idmappedMounts: boolean;
    readonly userNamespaces: boolean;
  };
}

/** What stays true while this daemon runs. */
export interface RuntimeFacts {
  readonly version: string;
  readonly root: string;
  readonly runRoot: string;
  readonly socket: string;
  readonly pid: number;
  /** Nanoseconds since the epoch. */
  readonly startedAt: bigint;
  readonly cgroup: string;
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  readonly runtimePath: string;
  readonly runtimeVersion: string;
  readonly defaultHandler: string;
}

/** What a file system of ours holds (CRI FilesystemUsage). */
export interface FsUsage {
  readonly mountpoint: string;
  readonly usedBytes: bigint;
  readonly inodesUsed: bigint;
  /** When it was counted: nanoseconds since the epoch. */
  readonly timestamp: bigint;
}

/** Where images and writable layers are. */
export interface ImageFsUsage {
  readonly images: readonly FsUsage[];
  readonly containers: readonly FsUsage[];
}

/** What CRI and the admin service need of the rest of berth. */
export interface CriParts {
  readonly pods: Pods;
  readonly containers: Containers;
  readonly podLifecycle: PodLifecycle;
  readonly images: Images;
  readonly imageFs: () => ImageFsUsage;
  readonly stats: StatsWatch;
  readonly events: EventFeed;
  readonly podMetrics: PodMetrics;
  readonly streaming: Pick<StreamingServer, 'execUrl' | 'attachUrl' | 'portForwardUrl'>;
  readonly facts: RuntimeFacts;
  /** The handlers that can be used now. */
  readonly handlers: () => readonly HandlerFacts[];
  /** Whether containers can be run now, and if not, why. */
  readonly runtimeCondition: () => NetworkCondition;
  /** The configuration in force, for people: verbose Status. */
  readonly config: () => Readonly<Record<string, unknown>>;
  /** The OCI runtime spec of a container, for people: verbose ContainerStatus. */
  readonly runtimeSpec?: (containerId: string) => Promise<unknown>;
  readonly log: Log;
  /** Told of each call, for metrics. */
  readonly calls?: CallObserver;
}
