import { constants } from 'node:os';
import { dirname } from 'node:path';
import { outsideJobs, step } from '../../base';
import type { Kernel } from '../../kernel';
import { connectMonitor } from './client';
import type { Monitor } from './monitor';

/** A container's bundle is ready: what its monitor needs to know. All paths are absolute. */
export interface ContainerMonitorRequest {
  readonly conmonPath: string;
  readonly id: string;
  /** The folder of config.json. */
  readonly bundle: string;
  readonly runtimePath: string;
  /** The OCI runtime's own state folder. */
  readonly runtimeRoot: string;
  /** At most 95 bytes: the monitor makes sockets beside it with a suffix, and 107 is the kernel's limit. */
  readonly socketPath: string;
  readonly exitFile: string;
  /** Execs make short-lived files beside it. */
  readonly pidFile: string;
  /** The log in the kubelet's format; absent: nothing is kept. */
  readonly logPath?: string | undefined;
  /** Bytes from which the log is put aside as `<logPath>.1` and begun anew; 0 or absent: none. */
  readonly logSizeMax?: number;
  /** What journald shall keep with each record of the log; absent or empty: it gets none. */
  readonly journalFields?: Readonly<Record<string, string>> | undefined;
  readonly tty?: boolean;
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  /** Owner of the container's stdio: its user as the host sees it. Root if absent. */
  readonly uid?: number;
  readonly gid?: number;
  /** What goes before each subcommand of the runtime; 16 at most. */
  readonly runtimeOptions?: readonly string[];
  /** The container's processes are restored by its start, not made. */
  readonly restore?: MonitorRestore | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface MonitorRestore {
  /** Folder of CRIU's images. */
  readonly imagePath: string;
  /** Folder for its log, `restore.log`. */
  readonly workPath: string;
  /** The program, absolute. */
  readonly criuPath: string;
}

/** For the OCI runtime and its hooks; a monitor inherits nothing. */
const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Starts the monitor of a container, which begins at once to create it, and connects to it. `monitor.created` tells
 * the outcome. Rejects if the monitor cannot be started or reached; none is left behind then.
 */
export async function startContainerMonitor(kernel: Kernel, request: ContainerMonitorRequest): Promise<Monitor> {
  const { restore, signal, socketPath } = request;
  const env = { PATH: restore ? `${dirname(restore.criuPath)}:${searchPath}` : searchPath };
  const program = { path: request.conmonPath, args: monitorArguments(request), env };
  const process = await step('start-monitor.process', () => kernel.startMonitor(program, signal));
  try {
    // The connection lives as long as the container: it must not keep the job that made it.
    const connect = () => outsideJobs(() => connectMonitor(socketPath, signal ? { signal } : {}));
    return await step('start-monitor.connect', connect);
  } catch (error) {
    await kernel.signal(process, constants.signals.SIGKILL);
    throw error;
  }
}

/** conmon's command line. */
export function monitorArguments(request: ContainerMonitorRequest): readonly string[] {
  const values: Record<string, string | undefined> = {
    id: request.id,
    bundle: request.bundle,
    runtime: request.runtimePath,
    'runtime-root': request.runtimeRoot,
    socket: request.socketPath,
    'exit-file': request.exitFile,
    'pid-file': request.pidFile,
    'log-path': request.logPath,
    'log-size-max': request.logSizeMax ? String(request.logSizeMax) : undefined,
    uid: String(request.uid ?? 0),
    gid: String(request.gid ?? 0),
    restore: request.restore?.imagePath,
    'restore-work': request.restore?.workPath,
  };
  const switches: Record<string, boolean | undefined> = {
    tty: request.tty,
    stdin: request.stdin,
    'stdin-once': request.stdinOnce,
  };
  return [
    ...Object.entries(values).flatMap(([name, value]) => (value ? [`--${name}`, value] : [])),
    ...(request.runtimeOptions ?? []).map((option) => `--runtime-option=${option}`),
    ...Object.entries(request.journalFields ?? {}).flatMap(([name, value]) => ['--log-journal', `${name}=${value}`]),
    ...Object.entries(switches).flatMap(([name, on]) => (on ? [`--${name}`] : [])),
  ];
}
