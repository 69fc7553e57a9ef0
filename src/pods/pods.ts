import type { SandboxRecord } from '../state';
import type { LinuxContainerResources, PodSandboxConfig } from '../wire';

/** Whether pods can get a network now, and if not, why and what to do. */
export interface NetworkCondition {
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

/** CRI UpdatePodSandboxResources: what is absent stays as it was. */
export interface PodResources {
  readonly overhead: LinuxContainerResources | undefined;
  readonly resources: LinuxContainerResources | undefined;
}

/** Pod sandboxes. Reads are snapshots: they never wait. */
export interface Pods {
  /** Makes a sandbox and gives its id; a call with the same metadata joins the first, or gets the sandbox it made. */
  run(config: PodSandboxConfig, handler: string, signal?: AbortSignal): Promise<string>;
  /** Keeps what the kubelet says the pod may take in all; the pod's cgroup is the kubelet's own to limit. */
  updateResources(id: string, resources: PodResources, signal?: AbortSignal): Promise<void>;
  get(id: string): SandboxRecord | undefined;
  list(): readonly SandboxRecord[];
  networkCondition(): NetworkCondition;
}
