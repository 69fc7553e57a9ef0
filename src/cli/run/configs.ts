import { ContainerConfig, NamespaceMode, PodSandboxConfig, SecurityProfile_ProfileType } from '../../wire';
import { logFolderAnnotation, runLabel } from './names';
import type { EnvVariable, RunUser, Volume } from './parse';
import type { PublishedPort } from './publish';

/** What `berth run` was asked for. */
export interface RunRequest {
  readonly name: string;
  readonly uid: string;
  readonly image: string;
  readonly imageId: string;
  readonly command: readonly string[];
  readonly ports: readonly PublishedPort[];
  readonly env: readonly EnvVariable[];
  readonly volumes: readonly Volume[];
  readonly user: RunUser | undefined;
  readonly workingDir: string;
  readonly hostNetwork: boolean;
  readonly privileged: boolean;
  /** Whether it gets an input, and a terminal. */
  readonly interactive: boolean;
  readonly tty: boolean;
  readonly logFolder: string;
}

/** Paths that the kubelet hides from containers that are not privileged (its default ProcMount). */
const maskedPaths = [
  ...[
    'asound',
    'acpi',
    'interrupts',
    'kcore',
    'keys',
    'latency_stats',
    'timer_list',
    'timer_stats',
    'sched_debug',
    'scsi',
  ].map((name) => `/proc/${name}`),
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`);

/** The namespace of the pods that `berth run` makes. */
const podNamespace = 'berth';

const namespaces = ({ hostNetwork }: RunRequest) => ({
  network: hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD,
  pid: NamespaceMode.CONTAINER,
  ipc: NamespaceMode.POD,
});

const seccomp = ({ privileged }: RunRequest) => ({
  profileType: privileged ? SecurityProfile_ProfileType.Unconfined : SecurityProfile_ProfileType.RuntimeDefault,
});

/** The pod of one container. */
export function podConfig(request: RunRequest): PodSandboxConfig {
  return PodSandboxConfig.fromPartial({
    metadata: { name: request.name, uid: request.uid, namespace: podNamespace, attempt: 0 },
    hostname: request.hostNetwork ? '' : request.name,
    logDirectory: request.logFolder,
    portMappings: request.ports.map((port) => ({ ...port })),
    labels: { [runLabel]: request.name },
    annotations: { [logFolderAnnotation]: request.logFolder },
    linux: {
      securityContext: {
        namespaceOptions: namespaces(request),
        privileged: request.privileged,
        seccomp: seccomp(request),
      },
    },
  });
}

/** The container, as the kubelet would ask for it. One that is attached to has its input until ours ends; a terminal's stays. */
export function containerConfig(request: RunRequest, attached: boolean): ContainerConfig {
  const { user, privileged, interactive, tty } = request;
  return ContainerConfig.fromPartial({
    metadata: { name: request.name, attempt: 0 },
    image: { image: request.imageId, userSpecifiedImage: request.image },
    // As with docker, words behind the image replace its Cmd and leave its Entrypoint.
    args: [...request.command],
    workingDir: request.workingDir,
    envs: request.env.map(({ key, value }) => ({ key, value: Buffer.from(value) })),
    mounts: request.volumes.map((volume) => ({ ...volume })),
    labels: { [runLabel]: request.name },
    logPath: '0.log',
    stdin: interactive,
    stdinOnce: interactive && attached && !tty,
    tty,
    linux: {
      securityContext: {
        privileged,
        namespaceOptions: namespaces(request),
        runAsUser: user?.kind === 'id' ? { value: user.uid } : undefined,
        runAsGroup: user?.kind === 'id' && user.gid !== undefined ? { value: user.gid } : undefined,
        runAsUsername: user?.kind === 'name' ? user.name : '',
        maskedPaths: privileged ? [] : maskedPaths,
        readonlyPaths: privileged ? [] : readonlyPaths,
        seccomp: seccomp(request),
      },
    },
  });
}
