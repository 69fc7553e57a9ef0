import { ContainerState, PodSandboxState } from '../../wire';
import type { ContainerRecord, PodRecord } from '../parts';

/** CRI's state of a pod: ready until its stop begins. */
export function sandboxState(pod: PodRecord): PodSandboxState {
  return pod.phase === 'ready' ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY;
}

/** CRI's state of a container. Without a record of its exit an ended one is unknown: no exit is made up. */
export function containerState(container: ContainerRecord): ContainerState {
  switch (container.phase) {
    case 'creating':
    case 'created':
      return ContainerState.CONTAINER_CREATED;
    case 'running':
      return ContainerState.CONTAINER_RUNNING;
    case 'exited':
      return container.exit ? ContainerState.CONTAINER_EXITED : ContainerState.CONTAINER_UNKNOWN;
    case 'removing':
      if (container.exit) return ContainerState.CONTAINER_EXITED;
      return container.startedAt > 0n ? ContainerState.CONTAINER_UNKNOWN : ContainerState.CONTAINER_CREATED;
    default:
      return container.phase satisfies never;
  }
}
