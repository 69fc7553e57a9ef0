import type { Observations, PacedSlots } from '../base';
import type { ContainerService } from '../containers';
import type { OpenImages } from '../image';
import { type Kernel, ownDescriptors } from '../kernel';
import type { MetricSources } from '../observe';
import type { Sandboxes } from '../pods';
import type { RuntimeWatch } from '../runtime';
import type { State } from '../state';
import type { Storage } from '../storage';

/** The rooms that metrics are read from. */
export interface MeasuredRooms {
  readonly observations: Observations;
  readonly kernel: Kernel;
  readonly state: State;
  readonly storage: Storage;
  readonly images: OpenImages;
  readonly pods: Sandboxes;
  readonly containers: ContainerService;
  readonly runtime: RuntimeWatch;
  /** Where pods' networks and containers' creates wait. */
  readonly paces: { readonly pods: PacedSlots; readonly containers: PacedSlots };
}

/** What each room has to say of itself: nothing is asked for, walked or kept for it. */
export function metricSources(rooms: MeasuredRooms): MetricSources {
  const { observations, kernel, state, storage, images, pods, containers, runtime, paces } = rooms;
  return {
    observations,
    pulls: images.pulls,
    pods: () => state.sandboxes.values(),
    containers: () => state.containers.values(),
    monitors: () => containers.monitors(),
    images: () => ({ count: images.list().length, bytes: Number(storage.imageUsage().bytes) }),
    launcher: () => kernel.health(),
    queues: () => ({
      image_pulls: images.pulls.stats().waiting,
      layers: storage.layersWaiting(),
      pod_starts: paces.pods.waiting,
      container_creates: paces.containers.waiting,
      teardowns: pods.failing(),
      state_writes: state.writing(),
    }),
    ready: () => ({ runtime: runtime.condition().ready, network: pods.networkCondition().ready }),
    state: () => state.size(),
    descriptors: ownDescriptors,
  };
}
