import type { Readable, Writable } from 'node:stream';

/** A client's half of one forwarded connection, on some transport. */
export interface ClientEnd {
  readonly port: number;
  /** What the client sends; its end is the client's half-close. Destroying it throws away what still comes. */
  readonly input: Readable;
  /** What the client gets; its end is the pod's half-close. */
  readonly output: Writable;
  /** Whether it can tell the end of one direction alone; if not, the pod's end is that of the connection. */
  readonly halfClose: boolean;
  /** Aborted when the client wants no more of either direction. */
  readonly signal: AbortSignal;
  /** Both directions end here and now: what was under way is cut off. */
  reset(): void;
  /** The connection is over, because of a failure if that is said. Settles when the client has been told; never rejects. */
  finish(failure?: string): Promise<void>;
}
