import type { PodSandbox } from '../../wire';
import { PodSandboxStatus, type PodSandboxNetworkStatus } from '../../wire';
import type { PodRecord } from '../parts';
import { sandboxState } from './state';

/** A pod as lists show it. */
export function toPodSandbox(pod: PodRecord): PodSandbox {
  return {
    id: pod.id,
    metadata: pod.config.metadata,
    state: sandboxState(pod),
    createdAt: pod.createdAt,
    labels: pod.config.labels,
    annotations: pod.config.annotations,
    runtimeHandler: pod.handler,
  };
}

/** A pod in full. */
export function toPodSandboxStatus(pod: PodRecord): PodSandboxStatus {
  const options = pod.config.linux?.securityContext?.namespaceOptions;
  return PodSandboxStatus.fromPartial({
    ...toPodSandbox(pod),
    network: toNetwork(pod.network?.ips ?? []),
    linux: { namespaces: { options: options ?? {} } },
  });
}

/** What a debugging person wants of a pod beside its status. */
export function podInfo(pod: PodRecord): object {
  const { netns, ipcns, utsns, userns, cgroupParent, bootId, network, phase } = pod;
  const { overhead, resources } = pod.config.linux ?? {};
  const cni = network?.result === undefined ? undefined : { name: network.name, result: network.result };
  return {
    phase,
    runtimeHandler: pod.handler,
    cgroupParent,
    namespaces: { netns, ipcns, utsns, userns },
    bootId,
    cni,
    overhead,
    resources,
  };
}

/** The first address and the others. A pod on the node's network has none of its own. */
function toNetwork(ips: readonly string[]): PodSandboxNetworkStatus {
  const [ip = '', ...others] = ips;
  return { ip, additionalIps: others.map((additional) => ({ ip: additional })) };
}
