import {
  PodSandboxState,
  type ContainerFilter,
  type ContainerStatsFilter,
  type PodSandboxFilter,
  type PodSandboxStatsFilter,
} from '../../wire';
import type { ContainerRecord, PodRecord } from '../parts';
import { containerState, sandboxState } from './state';

/** The pods that a list shows: all that are made, and match everything that the filter sets. */
export function filterPods(
  pods: readonly PodRecord[],
  filter: PodSandboxFilter | PodSandboxStatsFilter | undefined,
): readonly PodRecord[] {
  const state = filter && 'state' in filter ? filter.state?.state : undefined;
  return pods.filter(
    (pod) =>
      pod.phase !== 'creating' &&
      (!filter?.id || pod.id.startsWith(filter.id)) &&
      (state === undefined || state === sandboxState(pod)) &&
      hasLabels(pod.config.labels, filter?.labelSelector),
  );
}

/** The pods that are ready and match: those that are not use nothing. */
export function readyPods(pods: readonly PodRecord[], filter: PodSandboxStatsFilter | undefined): readonly PodRecord[] {
  return filterPods(pods, filter).filter((pod) => sandboxState(pod) === PodSandboxState.SANDBOX_READY);
}

/** The containers that a list shows: all that are made, and match everything that the filter sets. */
export function filterContainers(
  containers: readonly ContainerRecord[],
  filter: ContainerFilter | ContainerStatsFilter | undefined,
): readonly ContainerRecord[] {
  const state = filter && 'state' in filter ? filter.state?.state : undefined;
  return containers.filter(
    (container) =>
      container.phase !== 'creating' &&
      (!filter?.id || container.id.startsWith(filter.id)) &&
      (!filter?.podSandboxId || container.sandboxId.startsWith(filter.podSandboxId)) &&
      (state === undefined || state === containerState(container)) &&
      hasLabels(container.config.labels, filter?.labelSelector),
  );
}

/** The containers of each pod, by its id. */
export function byPod(containers: readonly ContainerRecord[]): ReadonlyMap<string, readonly ContainerRecord[]> {
  const pods = new Map<string, ContainerRecord[]>();
  for (const container of containers) {
    const some = pods.get(container.sandboxId);
    if (some) some.push(container);
    else pods.set(container.sandboxId, [container]);
  }
  return pods;
}

/** Whether every pair of the selector is there: CRI has no other operators. */
function hasLabels(labels: Readonly<Record<string, string>>, selector: Readonly<Record<string, string>> = {}): boolean {
  return Object.entries(selector).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}
