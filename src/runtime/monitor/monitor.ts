import type { ProcessIdentity } from '../../kernel';

/** How a process ended, as the kernel told it. Never invented: `unknown` says why (promise 4). */
export type ExitStatus =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signaled'; readonly signal: number }
  | { readonly kind: 'unknown'; readonly reason: string }
  /** The container could not be restored: it never ran. */
  | { readonly kind: 'not-started'; readonly reason: string };

export type OomVerdict = 'no' | 'counted' | 'inferred';

/** The durable record that a monitor leaves in `exits/<id>`. */
export interface ExitRecord {
  readonly status: ExitStatus;
  /** Nanoseconds since the epoch. */
  readonly startedAt: bigint;
  readonly finishedAt: bigint;
  /** Whether the kernel killed for memory: counted in the container's own cgroup, or inferred from its parent's count. */
  readonly oom: OomVerdict;
  readonly bytesLogged: bigint;
  readonly bytesDropped: bigint;
}

/** Where the container is, as its monitor knows it. */
export type MonitorState =
  | { readonly kind: 'creating' }
  /** One that is to be restored has no init before its start. */
  | { readonly kind: 'created'; readonly init: ProcessIdentity | undefined }
  | { readonly kind: 'running'; readonly init: ProcessIdentity; readonly startedAt: bigint }
  | { readonly kind: 'exited'; readonly record: ExitRecord }
  /** The OCI runtime refused to create it: its own message, at most 8 KiB. */
  | { readonly kind: 'failed'; readonly message: string };

/** An exec to run beside the container's init. */
export interface MonitorExec {
  /** The OCI runtime spec's `process` object. */
  readonly process: object;
  readonly stdin: boolean;
  readonly tty: boolean;
  /** Milliseconds until the whole tree of the exec is killed; 0 is none. */
  readonly timeoutMs: number;
  /** Bytes of each output stream after which the rest is dropped and `truncated` set; 0 is none. */
  readonly outputCap: number;
}

export interface ExecEnd {
  readonly status: ExitStatus;
  readonly timedOut: boolean;
  readonly truncated: boolean;
}

/** Which of init's own streams to take part in. */
export interface MonitorAttach {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** The streams of one process. Output is handed over before `end` settles. */
interface Session<End> {
  /** Resolves when the process is there, rejects with the reason if it cannot be. */
  readonly started: Promise<void>;
  readonly end: Promise<End>;
  /** Resolves when the bytes are handed to the monitor: backpressure. */
  writeStdin(data: Uint8Array): Promise<void>;
  closeStdin(): Promise<void>;
  /** Of the terminal, in columns and rows; 0 changes nothing. */
  resize(width: number, height: number): Promise<void>;
}

/** A running exec. A slow consumer of its output slows the exec, nothing else. */
export interface ExecSession extends Session<ExecEnd> {
  /** Kills the whole tree of the exec and closes the connection. */
  kill(): void;
}

export type AttachEnd = { readonly kind: 'ended'; readonly status: ExitStatus } | { readonly kind: 'detached' };

/**
 * A part in the streams of a container's init. A consumer that lets too much of the output pile up is detached:
 * `end` rejects `stream-slow`. The container never waits.
 */
export interface AttachSession extends Session<AttachEnd> {
  /** Closes the connection; the container runs on. */
  detach(): void;
}

export interface ExecOutput {
  /** Resolve when more can be taken: backpressure. */
  stdout(data: Buffer): void | Promise<void>;
  stderr(data: Buffer): void | Promise<void>;
}

/** One container's monitor, over its control socket. */
export interface Monitor {
  /** The state at connect; later ones come through `onState`. */
  readonly state: MonitorState;
  /** Called for every change of state, and once with the error when the monitor is lost without an exit. */
  onState(listener: (state: MonitorState) => void): Disposable;
  /** Settles when the connection ends: undefined after release or close, an error if the monitor died. */
  readonly closed: Promise<Error | undefined>;
  /** Waits until the OCI runtime has created the container; rejects `runtime-failed` with its message. */
  created(signal?: AbortSignal): Promise<ProcessIdentity>;
  /** The same for a container that is to be restored, which has no init before its start. */
  prepared(signal?: AbortSignal): Promise<void>;
  /** Runs the OCI runtime's start, or its restore. */
  start(signal?: AbortSignal): Promise<void>;
  /** Signals init through its pidfd; false if it has ended. */
  signal(signum: number): Promise<boolean>;
  /** Opens the log's path anew, never truncating; resolves when output goes to the file that is there now. */
  reopenLog(signal?: AbortSignal): Promise<{ readonly inode: bigint; readonly size: bigint }>;
  exec(request: MonitorExec, output: ExecOutput): ExecSession;
  /** Takes part in init's own streams; before the start it misses nothing of them. */
  attach(request: MonitorAttach, output: ExecOutput): AttachSession;
  /** Tells a monitor whose container has ended that its record is kept: it leaves. */
  release(): Promise<void>;
  /** Closes our connection; the monitor lives on. */
  close(): void;
}
