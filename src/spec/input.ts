import type { ContainerConfig, PodSandboxConfig } from '../wire';
import type { ResolvedEdits } from './cdi/apply';
import type { HookFile } from './hooks/hook-file';
import type { ImageDefaults } from './image-defaults';
import type { PodUserNamespace } from './user-namespaces';

/** Everything that a container's spec is made from: this room reads nothing itself. */
export interface ContainerSpecInput {
  readonly id: string;
  readonly config: ContainerConfig;
  readonly sandbox: SandboxPart;
  readonly image: ImageDefaults;
  readonly user: ResolvedUser;
  /** Absolute path of the mounted root file system. */
  readonly rootfsPath: string;
  /** As the OCI runtime's cgroup driver wants it: a path from the hierarchy's root, or `slice:prefix:name`. */
  readonly cgroupPath: string;
  readonly files: PodFiles;
  /** What the caller found for CRI's devices; for a privileged container, every device of the host. */
  readonly devices: readonly DeviceNode[];
  readonly facts: HostFacts;
  readonly defaults: SpecDefaults;
  /** Annotations of pod and container that the runtime may see, by name or by beginning (`x*`). */
  readonly allowedAnnotations: readonly string[];
  /** The OCI hooks of this node. */
  readonly hooks: readonly HookFile[];
  /** What the CDI devices that were asked for bring. */
  readonly cdi: readonly ResolvedEdits[];
  /** The file that `seccompRequest` named, if it named one. */
  readonly seccompProfile?: SeccompProfileFile;
}

/** The pod that the container joins. */
export interface SandboxPart {
  readonly id: string;
  readonly config: PodSandboxConfig;
  /** Pinned namespaces by absolute path; absent is the host's. */
  readonly netns?: string;
  readonly ipcns?: string;
  readonly utsns?: string;
  /** The owner of the others. */
  readonly userns?: PodUserNamespace & { readonly path: string };
  readonly pidNamespace: PidNamespace;
  /** What HOSTNAME says: the pod's name in the uts namespace, the node's without one. */
  readonly hostname: string;
}

/** Whose processes the container sees: its own, the host's, or those of a namespace that exists. */
export type PidNamespace =
  { readonly kind: 'container' } | { readonly kind: 'host' } | { readonly kind: 'path'; readonly path: string };

/** Files of the pod on the host that its containers share, by absolute path. */
export interface PodFiles {
  readonly resolvConf?: string;
  readonly hostname?: string;
  /** The folder that becomes /dev/shm. */
  readonly shm?: string;
  /** Only for callers that are no kubelet: the kubelet mounts its own /etc/hosts. */
  readonly hosts?: string;
}

/** A device node as stat gave it, under its path in the container. */
export interface DeviceNode {
  readonly path: string;
  readonly type: 'b' | 'c' | 'p' | 'u';
  readonly major: number;
  readonly minor: number;
  /** st_mode; only the permission bits are used. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** For the device cgroup: of `r`, `w` and `m`. */
  readonly access: string;
}

/** What this machine allows. Optional ones that are absent are taken as not offered, if not said otherwise. */
export interface HostFacts {
  /** Lower-case names without CAP_, of the daemon's bounding set. */
  readonly boundingCapabilities: readonly string[];
  /** The daemon's own oom_score_adj: the lowest that it may give away without CAP_SYS_RESOURCE. */
  readonly oomScoreAdj: number;
  readonly hasSysResource: boolean;
  /** The daemon's own hard limits, by lower-case names without RLIMIT_; absent: none. Not to be exceeded without CAP_SYS_RESOURCE. */
  readonly hardLimits?: Readonly<Record<string, number>>;
  readonly cgroup: 'v1' | 'hybrid' | 'v2';
  /** Names of cgroup controllers (`pids`, `hugetlb`); absent: all. */
  readonly controllers?: readonly string[];
  /** The kernel counts swap per cgroup (memory.swap.max, memory.memsw.limit_in_bytes). */
  readonly swapAccounting?: boolean;
  /** The OCI runtime and the kernel (5.12) know the mount option `rro`. */
  readonly recursiveReadOnlyMounts?: boolean;
  /** The OCI runtime and the kernel can show a bind mount with other owners. */
  readonly idmappedMounts?: boolean;
  /** Node's name of the architecture; absent: this process's. */
  readonly arch?: string;
  /** `uname -r`, for seccomp profiles with minKernel; absent: new enough. */
  readonly kernelRelease?: string;
  /** Present where AppArmor is on; `defaultProfile` is the loaded profile of RuntimeDefault. */
  readonly appArmor?: { readonly defaultProfile?: string };
  /** Present where SELinux is on: labels that CRI's options are laid over, `user:role:type:level`. */
  readonly selinux?: { readonly processLabel: string; readonly mountLabel: string };
}

/** What the configuration adds to every container. */
export interface SpecDefaults {
  /** `KEY=value`: under the image's and the container's own. */
  readonly env: readonly string[];
  /** Names with or without CAP_; absent: the usual nine. */
  readonly capabilities?: readonly string[];
  /** Processes per container; absent or not above 0: no limit but the pod's. */
  readonly pidsLimit?: number;
  /** Resource limits; absent: the daemon's own are inherited. */
  readonly ulimits?: readonly Ulimit[];
  /** Absolute path of the node's file that becomes /etc/localtime; absent: the image's own stays. */
  readonly localtime?: string;
}

/** A limit of setrlimit(2), by its name without RLIMIT_, in the unit that the kernel has for it. */
export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** A seccomp profile of the node in docker's or OCI's JSON. */
export interface SeccompProfileFile {
  /** Its path, for messages. */
  readonly name: string;
  readonly text: string;
}

/** The user that a container runs as, all names resolved. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Ascending; holds gid. */
  readonly additionalGids: readonly number[];
  /** From the image's passwd, `/` without an entry. */
  readonly home: string;
}
