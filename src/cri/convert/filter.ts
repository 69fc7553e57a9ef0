import type { ContainerFilter, ContainerStatsFilter, PodSandboxFilter, PodSandboxStatsFilter } from '../../wire';
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

/** Whether every pair of the selector is there: CRI has no other operators. */
function hasLabels(labels: Readonly<Record<string, string>>, selector: Readonly<Record<string, string>> = {}): boolean {
  return Object.entries(selector).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}
