import type { Observations } from '../../base';
import type { ContainerService } from '../../containers';
import type { PullsWatch } from '../../image';
import type { LauncherHealth, OwnDescriptors } from '../../kernel';

/** Work that waits for its turn, by what it waits for. */
export type QueueName = 'image_pulls' | 'layers' | 'pod_starts' | 'container_creates' | 'teardowns' | 'state_writes';

/** What metrics are read from: events while they happen, the rest when somebody asks, at once. */
export interface MetricSources {
  readonly observations: Pick<Observations, 'subscribe'>;
  readonly pulls: PullsWatch;
  /** Those on record, by their phase. */
  readonly pods: () => Iterable<{ readonly phase: string }>;
  readonly containers: () => Iterable<{ readonly phase: string }>;
  readonly monitors: () => ReturnType<ContainerService['monitors']>;
  /** How many there are, and the bytes of blobs and layers: by accounting. */
  readonly images: () => { readonly count: number; readonly bytes: number };
  readonly launcher: () => LauncherHealth;
  readonly queues: () => Readonly<Record<QueueName, number>>;
  /** What CRI's Status says of runtime and network. */
  readonly ready: () => { readonly runtime: boolean; readonly network: boolean };
  /** The records' file: its bytes, and how many it may have. */
  readonly state: () => { readonly bytes: number; readonly limit: number };
  readonly descriptors: () => OwnDescriptors;
}
