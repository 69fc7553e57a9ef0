import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Log } from '../base';
import type { Places } from './port-forward/places';
import type { StreamTarget } from './target';

/** What sessions are served with. */
export interface SessionParts {
  readonly target: StreamTarget;
  readonly log: Log;
  /** Milliseconds in which nothing moves until a session is ended. */
  readonly idleTimeoutMs: number;
  /** Milliseconds for the client to open its streams. */
  readonly creationTimeoutMs: number;
  /** Room for forwarded connections, of all sessions together. */
  readonly forwards: Places;
}

/** A client's connection from its upgrade to its end. */
export interface Session {
  /** Settles when both the connection and the target are done with; never rejects. */
  readonly over: Promise<void>;
  /** Ends it now: the client is told, and the target's signal is aborted. */
  stop(): void;
}

/** Takes over a socket that has been upgraded, with the bytes that came behind the request. */
export type StartSession = (socket: Duplex, head: Buffer) => Session;

/** The protocols that a request can be served by over SPDY, newest first. */
export type SpdyOffers = ReadonlyMap<string, StartSession>;

/** The same over WebSocket; an empty name is for clients that name none. */
export type WebSocketOffers = ReadonlyMap<string, (socket: WebSocket) => Session>;

/** What a request can be served by. */
export interface Offers {
  readonly spdy: SpdyOffers;
  readonly webSocket: WebSocketOffers;
}
