import type { RootLog } from '../base';
import type { Config } from '../config';
import type { ContainerService, PodLifecycle } from '../containers';
import type { Images, PullsWatch } from '../image';
import type { Kernel } from '../kernel';
import type { EventFeed, FsUsageWatch, MetricSources, PodMetrics, StatsWatch, Tracing } from '../observe';
import type { CgroupSettings, Sandboxes } from '../pods';
import type { RuntimeWatch } from '../runtime';
import type { Storage } from '../storage';

/** berth without its listeners: every room, put together. */
export interface Engine {
  /** The one in force. */
  readonly config: Config;
  readonly kernel: Kernel;
  readonly pods: Sandboxes;
  readonly cgroupDriver: CgroupSettings['driver'];
  readonly containers: ContainerService;
  readonly podLifecycle: PodLifecycle;
  readonly images: Images;
  /** Pulls in flight, and sums of those that are over. */
  readonly pulls: PullsWatch;
  readonly storage: Storage;
  /** What its file system holds. */
  readonly fsUsage: FsUsageWatch;
  /** What pods and containers use. */
  readonly stats: StatsWatch;
  /** What happens to them. */
  readonly events: EventFeed;
  /** The same in cAdvisor's words. */
  readonly podMetrics: PodMetrics;
  /** What metrics are read from. */
  readonly metricSources: MetricSources;
  /** Where the configuration wants traces. */
  readonly tracing: Tracing | undefined;
  /** The default handler's runtime. */
  readonly runtime: RuntimeWatch;
  /**
   * Takes over another configuration, whole or not at all, and gives the keys that have changed. Rejects
   * `config-needs-restart`, and what is wrong with files that it names.
   */
  reload(next: Config): Promise<readonly string[]>;
  /** Takes up what an earlier berthd left. Call it once, before serving. */
  recover(): Promise<void>;
  /** Lets go of everything; containers and their monitors run on. */
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly config: Config;
  /** The folder of the native programs: launcher, conmon, unpack, pause. */
  readonly libexecDir: string;
  readonly log: RootLog;
}
