import type { Duplex } from 'node:stream';
import type { LauncherHealth } from './launcher';

/** A process told apart from a later one with the same pid by its start time (field 22 of /proc/<pid>/stat, in ticks). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: bigint;
}

/** A program to run in the helpers' cgroup, with PDEATHSIG: it does not outlive the launcher. */
export interface RunRequest {
  /** Absolute path, or a name that is looked up in PATH. */
  readonly path: string;
  /** Arguments without argv[0]. */
  readonly args: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** At most 48 KiB; larger input goes through `stdinStream`. */
  readonly stdin?: Uint8Array | string;
  /** Milliseconds until it is killed with its session; the result then has `timedOut`. */
  readonly timeoutMs?: number;
}

export interface RunResult {
  /** Exit status, or undefined if a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: number | undefined;
  readonly timedOut: boolean;
  /** At most 64 KiB of each; what was beyond is dropped and told by `truncated`. */
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly truncated: boolean;
}

/** A running program whose stdin is streamed (unpack): write, end, then await `result`. */
export interface StreamedRun {
  readonly stdin: Duplex;
  readonly result: Promise<RunResult>;
}

/** A monitor to start: in a session of its own, in the monitors' cgroup, without PDEATHSIG; it outlives the launcher. */
export interface MonitorRequest {
  readonly path: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** So many ids from `containerId` of a user namespace on are those of the host from `hostId` on (CRI IDMapping). */
export interface IdRange {
  readonly containerId: number;
  readonly hostId: number;
  readonly length: number;
}

/** How owners inside a user namespace are those of the host. */
export interface IdMap {
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
}

export interface OverlayMount {
  /** Absolute folders, topmost first. Without an upper layer the kernel wants two at the least. */
  readonly lowers: readonly string[];
  /** Where writes go; without it the mount is read-only. */
  readonly writable?: {
    readonly upper: string;
    readonly work: string;
    /** Skip syncs of the upper layer (kernel 5.10): after a power loss it must be deleted. */
    readonly volatile: boolean;
  };
  readonly target: string;
  /** The layers' owners as a user namespace sees them (kernel 6.5); the upper layer is not mapped. */
  readonly idmap?: IdMap;
}

/** What `path` names inside `root`, every link resolved inside it: a folder or a regular file, read-only. */
export interface BindInRoot {
  readonly root: string;
  readonly path: string;
  /** Made for it; must not be there. */
  readonly target: string;
}

export interface BindMount {
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
  readonly recursive: boolean;
}

export interface TmpfsMount {
  readonly target: string;
  readonly sizeBytes: number;
  /** Octal mode of its root, e.g. 0o1777. */
  readonly mode: number;
  /** Its root's owner; absent: root. */
  readonly uid?: number;
  readonly gid?: number;
  readonly nosuid: boolean;
  readonly nodev: boolean;
  readonly noexec: boolean;
}

/** Namespaces to create together and pin by bind mounts; the sysctls are written inside, `lo` is raised. */
export interface PinRequest {
  readonly net?: string;
  readonly ipc?: string;
  readonly uts?: string;
  /** A user namespace with these maps, the owner of the others: its root may change what is theirs (kernel 5.19). */
  readonly user?: { readonly path: string; readonly idmap: IdMap };
  /** Written in the new uts namespace, if there is one. */
  readonly hostname?: string;
  readonly sysctls: Readonly<Record<string, string>>;
}

/** What one interface has received and sent since it was made (proc_pid_net(5), dev). */
export interface InterfaceCounters {
  readonly name: string;
  readonly rxBytes: bigint;
  readonly rxPackets: bigint;
  readonly rxErrors: bigint;
  readonly rxDrops: bigint;
  readonly txBytes: bigint;
  readonly txPackets: bigint;
  readonly txErrors: bigint;
  readonly txDrops: bigint;
}

/** What this process may do and what this kernel offers: read once at start. */
export interface KernelFacts {
  /** Lower-case names without CAP_, of the bounding set. */
  readonly boundingCapabilities: readonly string[];
  /** 'v2' where /sys/fs/cgroup is cgroup2; 'hybrid' where v1 controllers stand beside a v2 mount; 'v1' otherwise. */
  readonly cgroup: 'v1' | 'hybrid' | 'v2';
  /** Controllers that groups can have here: `memory`, `pids`, `hugetlb`. */
  readonly controllers: readonly string[];
  /** systemd is init here (sd_booted(3)). */
  readonly systemd: boolean;
  /** Swap is counted per cgroup. */
  readonly swapAccounting: boolean;
  readonly oomScoreAdj: number;
  /** Hard limits of this process, by setrlimit(2)'s names in lower case without RLIMIT_; what is unlimited is left out. */
  readonly hardLimits: Readonly<Record<string, number>>;
  /** Present where AppArmor is on; `defaultProfile` is berth's own, where it could be loaded. */
  readonly appArmor?: { readonly defaultProfile?: string };
  readonly bootId: string;
  readonly release: string;
}

/** A request to the launcher that is under way. */
export interface LauncherRequest {
  readonly op: string;
  readonly object: string | undefined;
  readonly ms: number;
}

/**
 * The only way to processes, mounts, namespaces and cgroups. Every method rejects with a BerthError that names the
 * operation, the path or program, and the errno. A signal that is aborted ends the caller's wait and kills the
 * program, if one runs.
 */
export interface Kernel {
  readonly facts: KernelFacts;
  /** The launcher as it is now. */
  health(): LauncherHealth;

  /** Runs a program to its end. A program that exits non-zero is a result, one that cannot be executed an error. */
  run(request: RunRequest, signal?: AbortSignal): Promise<RunResult>;
  /** Runs a program whose stdin is a stream of any length. */
  runStreamed(request: Omit<RunRequest, 'stdin'>, signal?: AbortSignal): Promise<StreamedRun>;
  /** Starts a monitor and resolves once its control socket listens (it writes one byte to the fd in BERTH_READY_FD). */
  startMonitor(request: MonitorRequest, signal?: AbortSignal): Promise<ProcessIdentity>;

  mountOverlay(mount: OverlayMount): Promise<void>;
  mountBind(mount: BindMount): Promise<void>;
  /** False if there is nothing under the path. */
  bindInRoot(mount: BindInRoot): Promise<boolean>;
  mountTmpfs(mount: TmpfsMount): Promise<void>;
  /** Detaches every mount on the target; a target that is no mount, or is not there, is success. */
  unmount(target: string): Promise<void>;

  pinNamespaces(request: PinRequest): Promise<void>;
  /** Unmounts and unlinks a pinned namespace; one that is gone is success. */
  unpinNamespace(path: string): Promise<void>;
  /** Connects to a TCP port of localhost inside a pinned network namespace, or the host's if undefined. */
  dial(netns: string | undefined, port: number, signal?: AbortSignal): Promise<Duplex>;
  /** The interfaces of each of these network namespaces, in their order; undefined for one that is gone. */
  interfaceCounters(netns: readonly string[]): Promise<readonly (readonly InterfaceCounters[] | undefined)[]>;

  /** Reads a file with every link resolved inside the root; undefined if it is not there; an error beyond maxBytes. */
  readInRoot(root: string, path: string, maxBytes: number): Promise<Buffer | undefined>;
  /** Makes a folder and the parents that it lacks (0755, of the same owner) with every link resolved inside the root. */
  mkdirInRoot(root: string, path: string, mode: number, uid: number, gid: number): Promise<void>;
  /** Removes a tree without following a link or crossing a mount; one that is gone is success. */
  removeTree(path: string): Promise<void>;
  /** Flushes the file system that holds the path (syncfs). */
  syncFs(path: string): Promise<void>;
  /** Sends a signal to exactly this process (pidfd, start time compared); false if it is gone. */
  signal(process: ProcessIdentity, signum: number): Promise<boolean>;
  /** The process's identity, or undefined if there is none with this pid. */
  identify(pid: number): Promise<ProcessIdentity | undefined>;

  /** Whether AppArmor has the profile now; berth's own is loaded again if it was taken away. */
  hasAppArmorProfile(name: string): Promise<boolean>;

  /** Makes a cgroup and those above it in every hierarchy; one that is there is success. The path begins with a slash. */
  createCgroup(path: string): Promise<void>;
  /** The highest folder of the path that no hierarchy has; undefined if any has the cgroup itself. */
  missingCgroup(path: string): Promise<string | undefined>;
  /**
   * Removes the cgroup in every hierarchy if nothing is in it or below it, then those above it up to `top` (the path
   * itself unless said otherwise); the first that is in use stays, with all above it. Never kills.
   */
  removeEmptyCgroup(path: string, top?: string): Promise<void>;
  /** Reads files of the cgroup, each in the hierarchy of its controller, as they are; those that are not there are left out. */
  readCgroup(path: string, files: readonly string[]): Promise<Readonly<Record<string, string>>>;
  /** Writes files of the cgroup, such as `memory.high`, each in the hierarchy of its controller. */
  limitCgroup(path: string, files: Readonly<Record<string, string>>): Promise<void>;
  /** Sets the oom_score_adj of every process in the cgroup and below it. */
  scoreCgroup(path: string, score: number): Promise<void>;
  /** Kills what is in the cgroup and below it (cgroup.kill where there is one), waits for it to be empty, removes it. */
  removeCgroup(path: string, signal?: AbortSignal): Promise<void>;

  /** What the launcher has been asked and has not answered yet, oldest first. */
  requests(): readonly LauncherRequest[];

  /** Ends the helpers and the launcher; monitors live on. */
  close(): Promise<void>;
}
