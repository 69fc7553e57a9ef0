import type { ContainerRecord, SandboxRecord } from '../state';
import type { ContainerConfig, LinuxContainerResources, PodSandboxConfig } from '../wire';
import type { Readable, Writable } from 'node:stream';

export interface ExecSyncResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly exitCode: number;
}

export interface ExecCommand {
  readonly containerId: string;
  readonly cmd: readonly string[];
  readonly tty: boolean;
}

/** In columns and rows. */
export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

export interface ExecStreams {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** The sizes of the client's terminal; the first may be there before the process. */
  readonly resize: AsyncIterable<TerminalSize> | undefined;
  /** Aborted when the client is gone: an exec's tree is killed, an attach detached. */
  readonly signal: AbortSignal;
}

/** Containers. Reads are snapshots: they never wait. Unknown ids: Stop and Remove succeed, the others reject. */
export interface Containers {
  /** Creates and gives the id; a call with the same metadata joins the first, or gets the container it made. */
  create(
    sandboxId: string,
    config: ContainerConfig,
    sandboxConfig: PodSandboxConfig | undefined,
    signal?: AbortSignal,
  ): Promise<string>;
  start(id: string, signal?: AbortSignal): Promise<void>;
  /** Sends the stop signal, waits so many seconds, kills. Goes on when the caller gives up; then rejects. */
  stop(id: string, timeoutSeconds: number, signal?: AbortSignal): Promise<void>;
  remove(id: string, signal?: AbortSignal): Promise<void>;
  /** A timeout of 0 seconds is none. Rejects `deadline-exceeded` when it passes; the command's tree is then dead. */
  execSync(id: string, cmd: readonly string[], timeoutSeconds: number, signal?: AbortSignal): Promise<ExecSyncResult>;
  /** Runs a command with streams and gives its exit code. */
  exec(command: ExecCommand, streams: ExecStreams): Promise<number>;
  /** Takes part in the streams of a container that is created or runs, until it ends, and gives its exit code. */
  attach(request: { readonly containerId: string }, streams: ExecStreams): Promise<number>;
  /** Changes the limits of a container that has not ended: all that are set, or none. */
  updateResources(id: string, change: LinuxContainerResources, signal?: AbortSignal): Promise<void>;
  reopenLog(id: string, signal?: AbortSignal): Promise<void>;
  /**
   * Writes the state of a running container into an archive (docs/checkpoint.md); a timeout of 0 seconds is the default's.
   * Goes on when the caller gives up; then rejects.
   */
  checkpoint(id: string, location: string, timeoutSeconds: number, signal?: AbortSignal): Promise<void>;
  get(id: string): ContainerRecord | undefined;
  list(): readonly ContainerRecord[];
}

/** What spans a pod and its containers. */
export interface PodLifecycle {
  /** Stops the containers in parallel, takes the network down, unpins. Idempotent; unknown is success. */
  stop(sandboxId: string, signal?: AbortSignal): Promise<void>;
  /** Stops and removes all of it. Idempotent; unknown is success. */
  remove(sandboxId: string, signal?: AbortSignal): Promise<void>;
  containersOf(sandbox: SandboxRecord): readonly ContainerRecord[];
}
