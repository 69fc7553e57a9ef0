import type { PodSandboxConfig } from '../../wire';

/**
 * A pod sandbox. Its record is written before its first side effect: `creating` and `removing` are intents that the
 * next start finishes by taking everything down. All paths derive from the id.
 */
export interface SandboxRecord {
  readonly v: 1;
  readonly id: string;
  readonly phase: 'creating' | 'ready' | 'stopping' | 'stopped' | 'removing';
  /** The request as it came: what the kubelet asked for is what status answers. */
  readonly config: PodSandboxConfig;
  readonly handler: string;
  /** Nanoseconds since the epoch. */
  readonly createdAt: bigint;
  /** The boot during which its namespaces were made. */
  readonly bootId: string;
  /** Pinned namespaces by absolute path. */
  readonly netns?: string;
  readonly ipcns?: string;
  readonly utsns?: string;
  /** The owner of the others, where the pod's ids are not the node's. */
  readonly userns?: string;
  /** Where its containers' cgroups go, and whether berth made that folder and so removes it. */
  readonly cgroupParent: string;
  readonly ownsCgroup: boolean;
  /** The highest of the folders above `cgroupParent` that berth made too: what of them is empty goes with the pod. */
  readonly cgroupTop?: string;
  /** Who makes the cgroups of its containers, if not the OCI runtime: `cgroupParent` is then the path of a slice. */
  readonly cgroupDriver?: 'systemd';
  /** The pause process, where the pod shares its PID namespace. */
  readonly infra?: { readonly pid: number; readonly startTime: bigint };
  /** The OCI runtime of the pause process, as of a container. */
  readonly infraRuntime?: { readonly path: string; readonly root: string; readonly options: readonly string[] };
  /** Its host ports are berth's own to serve, by nft; set before the first step, cleared when none is served any more. */
  readonly hostPorts?: { readonly servedBy: 'nft' };
  /** What CNI ADD gave; `attached` is set before the first ADD and cleared after DEL succeeded. */
  readonly network?: {
    readonly attached: boolean;
    readonly ips: readonly string[];
    /** The list's configuration and result as ADD saw them: DEL must get the same. */
    readonly name?: string;
    readonly confList?: string;
    readonly result?: string;
  };
}
