/** The part of the OCI runtime specification (config.md, config-linux.md; v1.0.2) that berth writes. */
export interface Spec {
  readonly ociVersion: string;
  readonly process: Process;
  readonly root: { readonly path: string; readonly readonly: boolean };
  /** Only with a uts namespace that the runtime makes. */
  readonly hostname?: string;
  readonly mounts: readonly Mount[];
  readonly hooks?: Hooks;
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: Linux;
}

/** The moments of a container's life at which hooks run (config.md, "POSIX-platform Hooks"). */
export const stages = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;
export type Stage = (typeof stages)[number];

export interface Hook {
  readonly path: string;
  readonly args?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  /** Seconds. */
  readonly timeout?: number | undefined;
}

export type Hooks = Readonly<Partial<Record<Stage, readonly Hook[]>>>;

/** What is run, and as whom; also the object that the runtime's `exec --process` takes. */
export interface Process {
  readonly terminal: boolean;
  /** Of the terminal, in characters. */
  readonly consoleSize?: { readonly width: number; readonly height: number };
  readonly user: ProcessUser;
  readonly args: readonly string[];
  /** `KEY=value`, each key once. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: Capabilities;
  readonly noNewPrivileges: boolean;
  readonly oomScoreAdj: number;
  readonly rlimits?: readonly Rlimit[];
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
}

/** A limit of setrlimit(2); `type` is its name there. */
export interface Rlimit {
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

/** The five sets of capabilities(7), by names with `CAP_`. */
export interface Capabilities {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly ambient: readonly string[];
}

export interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
  /** Owners on the file system, `containerID`, are shown as those of the host, `hostID` (config.md, "Mounts"). */
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
}

/** So many ids from `containerID` of a user namespace on are those of the host from `hostID` on. */
export interface IdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface Linux {
  readonly namespaces: readonly Namespace[];
  /** Only with a user namespace. */
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
  readonly cgroupsPath: string;
  readonly resources: LinuxResources;
  readonly devices: readonly Device[];
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly seccomp?: Seccomp;
  readonly rootfsPropagation?: 'rslave' | 'rshared';
  readonly mountLabel?: string;
  readonly intelRdt?: IntelRdt;
}

/** Cache and memory bandwidth of the container's class of service (config-linux.md, "IntelRdt"). */
export interface IntelRdt {
  readonly closID?: string | undefined;
  readonly l3CacheSchema?: string | undefined;
  readonly memBwSchema?: string | undefined;
  readonly enableCMT?: boolean | undefined;
  readonly enableMBM?: boolean | undefined;
}

/** Without a path the runtime makes a new one; a type that is not listed is the runtime's own. */
export interface Namespace {
  readonly type: 'pid' | 'network' | 'ipc' | 'uts' | 'user' | 'mount' | 'cgroup';
  readonly path?: string;
}

export interface Device {
  readonly path: string;
  readonly type: 'b' | 'c' | 'p' | 'u';
  readonly major: number;
  readonly minor: number;
  /** Permission bits only. */
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A rule of the device cgroup; without type, major or minor it means all. */
export interface DeviceRule {
  readonly allow: boolean;
  readonly type?: 'b' | 'c';
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

export interface LinuxResources {
  readonly devices: readonly DeviceRule[];
  readonly cpu?: {
    readonly shares?: number;
    /** Microseconds of CPU time in each period. */
    readonly quota?: number;
    readonly period?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  /** Bytes; `swap` is memory and swap together. */
  readonly memory?: { readonly limit?: number; readonly swap?: number };
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  readonly pids?: { readonly limit: number };
  /** Files of cgroup v2 by name. */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface Seccomp {
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet?: number;
  /** Names of libseccomp: `SCMP_ARCH_X86_64`. */
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: SeccompAction;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArg[];
}

export interface SeccompArg {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: SeccompOperator;
}

/** What a filter may do with a call; SCMP_ACT_NOTIFY is not offered. */
export const seccompActions = [
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_LOG',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_TRAP',
] as const;
export type SeccompAction = (typeof seccompActions)[number];

export const seccompOperators = [
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_LE',
  'SCMP_CMP_LT',
  'SCMP_CMP_MASKED_EQ',
  'SCMP_CMP_NE',
] as const;
export type SeccompOperator = (typeof seccompOperators)[number];
