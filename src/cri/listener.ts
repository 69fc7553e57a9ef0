import { type ConnectionInjector, type Server, ServerCredentials } from '@grpc/grpc-js';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { BerthError, messageOf } from '../base';
import { claimSocketPath, restrictSocket } from './socket';

/** Where a server's connections come from. */
export interface Listener {
  /** Accepts no more where the socket is not our own: who connects waits there for the next berthd. */
  close(): void;
  /** Has every client finish what it has and connect anew; what goes on after so many milliseconds is cancelled. */
  drain(graceMs: number): void;
}

/** A socket of our own, which goes with the server. Rejects as `claimSocketPath` does. */
export async function listenAt(server: Server, path: string): Promise<Listener> {
  await claimSocketPath(path);
  const address = `unix:${path}`;
  await bind(server, address);
  await restrictSocket(path);
  return { close: () => undefined, drain: (graceMs) => server.drain(address, graceMs) };
}

/** A socket that somebody else has opened and keeps. Rejects `config-invalid` if the descriptor is no unix socket. */
export async function listenOn(server: Server, descriptor: number): Promise<Listener> {
  const connections = new Set<ConnectionInjector>();
  const listener = createServer((socket) => {
    // One each: what `drain` will cancel are the connections of that moment, and none of those that follow.
    const connection = server.createConnectionInjector(ServerCredentials.createInsecure());
    connections.add(connection);
    socket.once('close', () => {
      connections.delete(connection);
      connection.destroy();
    });
    connection.injectConnection(socket);
  });
  try {
    await once(listener.listen({ fd: descriptor }), 'listening');
  } catch (error) {
    throw notOurs(descriptor, messageOf(error), error);
  }
  // Node tells the address of a socket of the network, and none of a unix socket that it has not bound.
  if (listener.address() !== null) {
    listener.close();
    throw notOurs(descriptor, 'it is a socket of the network');
  }
  return {
    close: () => void listener.close(),
    drain: (graceMs) => connections.forEach((connection) => connection.drain(graceMs)),
  };
}

function notOurs(descriptor: number, detail: string, cause?: unknown): BerthError {
  const remedy = 'have the socket unit listen on one unix stream socket';
  return new BerthError('config-invalid', { op: 'listen', object: `descriptor ${descriptor}`, detail, remedy, cause });
}

function bind(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
}
