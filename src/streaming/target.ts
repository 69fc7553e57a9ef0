import type { Duplex, Readable, Writable } from 'node:stream';

/** Which streams of a container or a command a client wants, as the URL was asked for with. */
interface StreamRequest {
  readonly containerId: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** A request to run a command. */
export interface ExecStreamRequest extends StreamRequest {
  readonly cmd: readonly string[];
}

/** A request to take part in the streams of a container's own process. */
export type AttachStreamRequest = StreamRequest;

/** A request for connections to ports of a pod; empty allows any. */
export interface PortForwardRequest {
  readonly podId: string;
  readonly ports: readonly number[];
}

/** Of a terminal, in columns and rows; each is at least 1. */
export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** The client's ends. Streams that were not asked for are undefined. */
export interface ClientStreams {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** The sizes of the client's terminal as they change, the newest only; ends with the session. */
  readonly resize: AsyncIterable<TerminalSize> | undefined;
  /** Aborted when the client is gone or the session idles out: an exec's tree must then be killed, an attach detached. */
  readonly signal: AbortSignal;
}

/** What streaming needs of the rest of berth. A BerthError becomes the status that the client reads. */
export interface StreamTarget {
  /** Runs the command to its end and gives its exit code. */
  exec(request: ExecStreamRequest, streams: ClientStreams): Promise<number>;
  /** Takes part in a container's streams until it ends, and gives its exit code. */
  attach(request: AttachStreamRequest, streams: ClientStreams): Promise<number>;
  /** A connection to localhost:port inside the pod; each direction ends by itself. */
  dial(request: PortForwardRequest, port: number, signal: AbortSignal): Promise<Duplex>;
  /** Aborted, with the reason, when the pod stops: its connections and the session end. */
  untilStopped(request: PortForwardRequest): AbortSignal;
}

/** The streaming server as cri sees it. Each `…Url` keeps the request for a minute and gives the URL that starts it, once. */
export interface StreamingServer {
  execUrl(request: ExecStreamRequest): string;
  attachUrl(request: AttachStreamRequest): string;
  portForwardUrl(request: PortForwardRequest): string;
  listen(): Promise<void>;
  /** Reads the certificates anew; those of before hold if they cannot be used. */
  reload(): Promise<void>;
  /** Stops listening and ends the sessions. */
  close(): Promise<void>;
}
