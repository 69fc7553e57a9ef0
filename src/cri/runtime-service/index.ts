import { toContainer } from '../convert/container';
import { toPodSandbox } from '../convert/sandbox';
import { EncodedList } from '../encoded-list';
import type { ContainerRecord, CriParts, PodRecord } from '../parts';
import type { Rpc } from '../rpc';
import { Container, PodSandbox } from '../../wire';
import { attach } from './attach';
import { checkpointContainer } from './checkpoint-container';
import { containerStats } from './container-stats';
import { containerStatus } from './container-status';
import { createContainer } from './create-container';
import { exec } from './exec';
import { execSync } from './exec-sync';
import { getContainerEvents } from './get-container-events';
import { listContainerStats, streamContainerStats } from './list-container-stats';
import { listContainers, streamContainers } from './list-containers';
import { listMetricDescriptors } from './list-metric-descriptors';
import { listPodSandboxMetrics, streamPodSandboxMetrics } from './list-pod-sandbox-metrics';
import { listPodSandboxStats, streamPodSandboxStats } from './list-pod-sandbox-stats';
import { listPodSandbox, streamPodSandboxes } from './list-pod-sandbox';
import { portForward } from './port-forward';
import { podSandboxStats } from './pod-sandbox-stats';
import { podSandboxStatus } from './pod-sandbox-status';
import { removeContainer } from './remove-container';
import { removePodSandbox } from './remove-pod-sandbox';
import { reopenContainerLog } from './reopen-container-log';
import { runPodSandbox } from './run-pod-sandbox';
import { runtimeConfig } from './runtime-config';
import { startContainer } from './start-container';
import { status } from './status';
import { stopContainer } from './stop-container';
import { stopPodSandbox } from './stop-pod-sandbox';
import { updateContainerResources } from './update-container-resources';
import { updatePodSandboxResources } from './update-pod-sandbox-resources';
import { updateRuntimeConfig } from './update-runtime-config';
import { version } from './version';

/** Every RPC of CRI's RuntimeService. */
export function runtimeService(parts: CriParts): readonly Rpc[] {
  const pods = new EncodedList<PodRecord>((pod) => PodSandbox.encode(toPodSandbox(pod)).finish());
  const containers = new EncodedList<ContainerRecord>((container) => Container.encode(toContainer(container)).finish());
  return [
    version(parts),
    status(parts),
    runtimeConfig(parts),
    updateRuntimeConfig(parts),
    runPodSandbox(parts),
    stopPodSandbox(parts),
    removePodSandbox(parts),
    podSandboxStatus(parts),
    listPodSandbox(parts, pods),
    streamPodSandboxes(parts, pods),
    createContainer(parts),
    startContainer(parts),
    stopContainer(parts),
    removeContainer(parts),
    containerStatus(parts),
    listContainers(parts, containers),
    streamContainers(parts, containers),
    updateContainerResources(parts),
    updatePodSandboxResources(parts),
    reopenContainerLog(parts),
    execSync(parts),
    exec(parts),
    attach(parts),
    portForward(parts),
    checkpointContainer(parts),
    containerStats(parts),
    listContainerStats(parts),
    streamContainerStats(parts),
    podSandboxStats(parts),
    listPodSandboxStats(parts),
    streamPodSandboxStats(parts),
    getContainerEvents(parts),
    listMetricDescriptors(parts),
    listPodSandboxMetrics(parts),
    streamPodSandboxMetrics(parts),
  ];
}
