import { BerthError, type Change, type EventBus, nowNs } from '../../base';
import type { Containers, PodLifecycle } from '../../containers';
import type { Pods } from '../../pods';
import { type EventKind, containerEvents, podEvents } from './change';
import { EventReader } from './reader';

type PodRecord = ReturnType<Pods['list']>[number];
type ContainerRecord = ReturnType<Containers['list']>[number];

/** Something that happened, and how everything in its pod was then (CRI ContainerEventResponse). */
export interface PodEvent {
  readonly kind: EventKind;
  /** Of the container, or of the pod itself. */
  readonly id: string;
  /** Nanoseconds since the epoch; no two events have the same. */
  readonly at: bigint;
  /** The last that is known of a pod that is gone. */
  readonly pod: PodRecord;
  readonly containers: readonly ContainerRecord[];
}

export interface EventFeedParts {
  readonly pods: Pick<Pods, 'list' | 'get'>;
  readonly containers: Pick<Containers, 'list'>;
  readonly podLifecycle: Pick<PodLifecycle, 'containersOf'>;
  readonly podChanges: Pick<EventBus<Change<PodRecord>>, 'subscribe'>;
  readonly containerChanges: Pick<EventBus<Change<ContainerRecord>>, 'subscribe'>;
}

/** Events of all pods and containers, from the records' changes: what a list shows has been told. */
export interface EventFeed {
  /**
   * What happens from now on, for one reader, until it is disposed of. Throws `stream-too-many`. Nobody waits for a reader:
   * one that is too far behind is told by `events-slow`, and gets no more.
   */
  subscribe(cutOff: (error: BerthError) => void): Pick<EventReader<PodEvent>, 'read'> & Disposable;
}

/** Readers at once: the kubelet is one. */
const maxReaders = 64;
/** Events that may wait for a reader: a burst of hundreds of pods. They are shared: a reader holds references alone. */
const maxWaiting = 4096;

export function eventFeed(parts: EventFeedParts): EventFeed {
  const { pods, containers, podLifecycle, podChanges, containerChanges } = parts;
  const readers = new Set<EventReader<PodEvent>>();
  // What was never whole is not told of: the undo of a failed creation is no deletion.
  const told = new Set([...pods.list(), ...containers.list()].map(({ id }) => id));
  let last = 0n;

  const tell = (kinds: readonly EventKind[], id: string, sandboxId: string, gone?: PodRecord): void => {
    for (const kind of kinds) {
      if (kind === 'created') told.add(id);
      if (!told.has(id)) continue;
      if (kind === 'deleted') told.delete(id);
      const pod = gone ?? pods.get(sandboxId);
      if (!pod || readers.size === 0) continue;
      const now = nowNs();
      last = now > last ? now : last + 1n;
      const event = { kind, id, at: last, pod, containers: podLifecycle.containersOf(pod) };
      for (const reader of readers) if (!reader.put(event)) readers.delete(reader);
    }
  };

  podChanges.subscribe((change) => {
    const { before, after } = change;
    const id = after?.id ?? before?.id;
    if (id !== undefined) tell(podEvents(change), id, id, after ?? before);
  });
  containerChanges.subscribe((change) => {
    const record = change.after ?? change.before;
    if (record) tell(containerEvents(change), record.id, record.sandboxId);
  });

  return {
    subscribe(cutOff) {
      if (readers.size >= maxReaders) {
        const detail = `${maxReaders} readers of events are there, as many as may be at once`;
        throw new BerthError('stream-too-many', { op: 'GetContainerEvents', detail });
      }
      const reader = new EventReader<PodEvent>(maxWaiting, cutOff);
      readers.add(reader);
      return { read: (signal) => reader.read(signal), [Symbol.dispose]: () => void readers.delete(reader) };
    },
  };
}
