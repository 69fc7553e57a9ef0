import type { Duplex } from 'node:stream';
import { throwIfAborted } from '../../base';
import { portForwardProtocol } from '../port-forward/protocol';
import { ForwardedConnection } from './forwarded-connection';
import { openSession } from './session';

/** A session of port-forwarding. */
export interface PortForwardClient {
  /**
   * A connection to a port of the pod; each direction ends by itself. What fails at the other end, a port where nobody
   * listens for one, breaks it with what the server says.
   */
  connect(port: number, signal?: AbortSignal): Promise<Duplex>;
  /** Settles when the session is over, ended by either side; it never rejects. */
  readonly over: Promise<void>;
  /** Ends the session and with it its connections. */
  close(): void;
}

const op = 'port-forward';

/** Connects to a URL that PortForward answered with. The signal ends the session at any time. */
export async function openPortForward(url: string, signal?: AbortSignal): Promise<PortForwardClient> {
  const connection = await openSession(op, url, portForwardProtocol, signal);
  const close = () => connection.destroy();
  if (signal?.aborted) close();
  throwIfAborted(signal, op);
  let requests = 0;
  return {
    async connect(port, connecting) {
      const requestid = String(requests++);
      const open = (streamtype: string) =>
        connection.openStream(new Map(Object.entries({ streamtype, port: String(port), requestid })), connecting);
      const error = await open('error');
      // Nothing is sent on it.
      error.output.end();
      return new ForwardedConnection(port, await open('data'), error.input);
    },
    over: connection.done,
    close,
  };
}
