import { ContainerState, ContainerStatus, type Container, type ImageSpec } from '../../wire';
import type { ContainerRecord } from '../parts';
import { criSignal } from './signal';
import { containerState } from './state';

/** A container as lists show it. */
export function toContainer(container: ContainerRecord): Container {
  return {
    id: container.id,
    podSandboxId: container.sandboxId,
    metadata: container.config.metadata,
    image: askedImage(container),
    imageRef: container.imageRef,
    state: containerState(container),
    createdAt: container.createdAt,
    labels: container.config.labels,
    annotations: container.config.annotations,
    imageId: container.imageId,
  };
}

/** A container in full. */
export function toContainerStatus(container: ContainerRecord): ContainerStatus {
  const { config, user } = container;
  return ContainerStatus.fromPartial({
    id: container.id,
    metadata: config.metadata,
    state: containerState(container),
    createdAt: container.createdAt,
    startedAt: container.startedAt,
    ...ending(container),
    image: askedImage(container),
    imageRef: container.imageRef,
    labels: config.labels,
    annotations: config.annotations,
    mounts: config.mounts,
    logPath: container.logPath,
    resources: config.linux?.resources ? { linux: config.linux.resources } : undefined,
    imageId: container.imageId,
    user: {
      linux: { uid: BigInt(user.uid), gid: BigInt(user.gid), supplementalGroups: user.groups.map(BigInt) },
    },
    stopSignal: criSignal(container.stopSignal),
  });
}

/** What a debugging person wants of a container beside its status. */
export function containerInfo(container: ContainerRecord, runtimeSpec: unknown): object {
  return {
    sandboxID: container.sandboxId,
    pid: container.init?.pid ?? 0,
    phase: container.phase,
    tty: container.config.tty,
    stdin: container.config.stdin,
    privileged: container.config.linux?.securityContext?.privileged ?? false,
    cgroupPath: container.cgroupPath,
    runtime: { path: container.runtimePath, root: container.runtimeRoot },
    bootId: container.bootId,
    runtimeSpec,
  };
}

/** The image by the name that the pod gave it: the kubelet asks for an id, and shows people what it gets here. */
function askedImage(container: ContainerRecord): ImageSpec | undefined {
  const { image } = container.config;
  return image && { ...image, image: image.userSpecifiedImage || image.image };
}

/** How it ended; nothing before that. */
function ending(container: ContainerRecord) {
  const { exit } = container;
  switch (containerState(container)) {
    case ContainerState.CONTAINER_EXITED:
      return exit;
    case ContainerState.CONTAINER_UNKNOWN:
      return { reason: 'Unknown', message: 'no record tells how the container ended' };
    case ContainerState.CONTAINER_CREATED:
    case ContainerState.CONTAINER_RUNNING:
    case ContainerState.UNRECOGNIZED:
      return {};
  }
}
