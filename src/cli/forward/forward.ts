import { type Dialer, type Listener, listenFor } from './listen';
import type { ForwardedPort } from './parse';

export interface ForwardWatch {
  /** Told of each port that is listened on. */
  readonly ready: (line: string) => Promise<void>;
  /** Told of each connection that failed. */
  readonly failed: (cause: unknown) => void;
  /** Forwarding goes on until this resolves. */
  readonly until: Promise<void>;
}

/** Listens for every port on every address. A free port is the same one on all of them. */
export async function forwardPorts(
  dialer: Dialer,
  addresses: readonly string[],
  ports: readonly ForwardedPort[],
  { ready, failed, until }: ForwardWatch,
): Promise<void> {
  const listeners: Listener[] = [];
  try {
    const told: string[] = [];
    for (const { local, remote } of ports) {
      let number = local;
      for (const address of addresses) {
        const listener = await listenFor(address, { local: number, remote }, dialer, failed);
        listeners.push(listener);
        number = listener.port;
        told.push(`${listener.name} -> ${remote}`);
      }
    }
    // When all of them are there: who reads the lines may connect to any.
    for (const line of told) await ready(line);
    await until;
  } finally {
    await Promise.all(listeners.map((listener) => listener[Symbol.asyncDispose]()));
  }
}
