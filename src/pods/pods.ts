import type { SandboxRecord } from '../state';
import type { PodSandboxConfig } from '../wire';

/** Whether pods can get a network now, and if not, why and what to do. */
export interface NetworkCondition {
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

/** Pod sandboxes. Reads are snapshots: they never wait. */
export interface Pods {
  /** Makes a sandbox and gives its id; a call with the same metadata joins the first, or gets the sandbox it made. */
  run(config: PodSandboxConfig, handler: string, signal?: AbortSignal): Promise<string>;
  get(id: string): SandboxRecord | undefined;
  list(): readonly SandboxRecord[];
  networkCondition(): NetworkCondition;
}
