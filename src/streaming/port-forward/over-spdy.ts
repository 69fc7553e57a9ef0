import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { anySignal } from '../../base';
import type { Session, SessionParts, SpdyOffers } from '../session';
import { SpdyConnection } from '../spdy/connection';
import { resetStatus } from '../spdy/frames';
import type { PortForwardRequest } from '../target';
import type { ClientEnd } from './client-end';
import { forward, type ForwardParts } from './forward';
import { portForwardProtocol } from './protocol';
import { type StreamPair, StreamPairs } from './stream-pairs';

/** Connections at once in one session, two streams each; more are refused. */
const maxConnections = 512;

/** Port-forwarding over SPDY. */
export function portForwardOverSpdy(request: PortForwardRequest, parts: SessionParts): SpdyOffers {
  return new Map([[portForwardProtocol, (socket, head) => new SpdyPortForward(socket, head, request, parts)]]);
}

/** Connections to one pod, two streams each, over one SPDY connection; it lasts until the client leaves or the pod stops. */
export class SpdyPortForward implements Session {
  readonly over: Promise<void>;
  private readonly connection: SpdyConnection;
  private readonly pairs: StreamPairs;
  private readonly forwards = new Set<Promise<void>>();
  private readonly forwardParts: ForwardParts;

  constructor(
    socket: Duplex,
    head: Buffer,
    request: PortForwardRequest,
    private readonly parts: SessionParts,
  ) {
    this.pairs = new StreamPairs(parts.creationTimeoutMs);
    this.connection = new SpdyConnection(socket, head, {
      role: 'server',
      log: parts.log,
      idleTimeoutMs: parts.idleTimeoutMs,
      maxStreams: 2 * maxConnections,
      onStream: (stream) => {
        const pair = this.pairs.add(stream);
        if (pair) this.start(pair);
      },
    });
    const stopped = parts.target.untilStopped(request);
    this.forwardParts = {
      request,
      target: parts.target,
      places: parts.forwards,
      signal: anySignal(this.connection.signal, stopped),
      stallTimeoutMs: parts.creationTimeoutMs,
    };
    this.over = this.run(stopped);
  }

  stop(): void {
    this.connection.destroy();
  }

  private start(pair: StreamPair): void {
    const over = forward(clientEnd(pair), this.forwardParts).then(() => void this.forwards.delete(over));
    this.forwards.add(over);
  }

  private async run(stopped: AbortSignal): Promise<void> {
    const { done } = this.connection;
    const podStops = new Promise<void>((resolve) => {
      if (stopped.aborted) resolve();
      else stopped.addEventListener('abort', () => resolve(), { once: true, signal: this.connection.signal });
    });
    await Promise.race([done, podStops]);
    this.pairs.close();
    await Promise.all(this.forwards);
    await this.connection.close();
    this.parts.log.debug('portforward session over');
  }
}

function clientEnd({ port, data, error }: StreamPair): ClientEnd {
  // Nothing comes on it.
  error.input.destroy();
  return {
    port,
    input: data.input,
    output: data.output,
    halfClose: true,
    signal: data.signal,
    reset: () => data.reset(resetStatus.cancel),
    async finish(failure) {
      data.input.destroy();
      // Before the end of the data: who sees that end can know whether it is one.
      error.output.end(failure);
      // Half-closed, not reset: a client that writes to a stream that was reset gives up before it has read the rest.
      data.output.end();
      // A client that is gone is seen by the connection.
      await Promise.allSettled([finished(error.output), finished(data.output)]);
    },
  };
}
