import type { Readable, Writable } from 'node:stream';

/** A request to run a command, as the token was bought with it. */
export interface ExecStreamRequest {
  readonly containerId: string;
  readonly cmd: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** The client's ends. Streams that were not asked for are undefined. */
export interface ClientStreams {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Aborted when the client is gone or the session idles out: the exec's tree must then be killed. */
  readonly signal: AbortSignal;
}

/** What streaming needs of the rest of berth. */
export interface StreamTarget {
  /** Runs the command to its end and gives its exit code; a BerthError becomes the status that the client reads. */
  exec(request: ExecStreamRequest, streams: ClientStreams): Promise<number>;
}

/** The streaming server as cri sees it. */
export interface StreamingServer {
  /** Keeps the request for a minute and gives the URL that starts it, once. */
  execUrl(request: ExecStreamRequest): string;
  listen(): Promise<void>;
  /** Stops listening and ends the sessions. */
  close(): Promise<void>;
}
