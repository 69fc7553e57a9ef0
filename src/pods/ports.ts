import type { Duplex } from 'node:stream';
import { BerthError, isBerthError } from '../base';
import type { Kernel } from '../kernel';
import type { SandboxRecord } from '../state';

/** Connections into pods (CRI PortForward). */
export interface PodPorts {
  /**
   * Connects to the port on the loopback of the pod's network, which is the host's for some: IPv4, then IPv6. Each direction
   * ends by itself. Rejects `pod-not-ready` and `port-refused`.
   */
  dial(id: string, port: number, signal?: AbortSignal): Promise<Duplex>;
  /**
   * Aborted, with the reason, when the pod stops. Who has connections then closes them: a socket would keep the pod's
   * network namespace alive.
   */
  untilStopped(id: string): AbortSignal;
  /** The pod stops now. */
  stop(id: string): void;
}

const op = 'PortForward';

/** How the launcher tells of a port where nobody listens, or that a firewall of the pod's refuses. */
const refused = /: ECONNREFUSED$/;

export function createPodPorts(kernel: Kernel, require: (id: string, op: string) => SandboxRecord): PodPorts {
  const ends = new Map<string, AbortController>();
  const stopped = (id: string) => new BerthError('pod-not-ready', { op, object: `pod ${id}`, detail: 'the pod stops' });

  return {
    async dial(id, port, signal) {
      const { netns } = require(id, op);
      let connection: Duplex;
      try {
        connection = await kernel.dial(netns, port, signal);
      } catch (error) {
        if (!isBerthError(error, 'kernel-refused') || !refused.test(error.detail)) throw error;
        const where = netns === undefined ? '127.0.0.1 or ::1 of the host' : '127.0.0.1 or ::1 of the pod';
        throw new BerthError('port-refused', {
          op,
          object: `port ${port} of pod ${id}`,
          detail: `connection refused: nothing listens on ${where}`,
          cause: error,
        });
      }
      try {
        // It may have been stopped meanwhile.
        require(id, op);
        return connection;
      } catch (error) {
        connection.destroy();
        throw error;
      }
    },

    untilStopped(id) {
      let end = ends.get(id);
      if (!end) {
        end = new AbortController();
        try {
          require(id, op);
          ends.set(id, end);
        } catch (error) {
          end.abort(error);
        }
      }
      return end.signal;
    },

    stop(id) {
      ends.get(id)?.abort(stopped(id));
      ends.delete(id);
    },
  };
}
