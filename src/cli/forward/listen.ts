import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { errnoOf, messageOf } from '../../base';
import { CliError, exitStatus } from '../failure';
import type { ForwardedPort } from './parse';

/** Whoever makes connections to ports of a pod. */
export interface Dialer {
  /** Each direction of the connection ends by itself. */
  connect(port: number): Promise<Duplex>;
}

/** A port that is listened on, until it is disposed of with all its connections. */
export interface Listener extends AsyncDisposable {
  /** `127.0.0.1:8080`, `[::1]:8080`. */
  readonly name: string;
  readonly port: number;
}

/** Listens on an address, and joins each connection to one of the pod. A connection that fails is told, and costs no other. */
export async function listenFor(
  address: string,
  { local, remote }: ForwardedPort,
  dialer: Dialer,
  failed: (cause: unknown) => void,
): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    void joinConnection(socket, remote, dialer).catch(failed);
  });
  await listening(server, address, local);
  const { port } = server.address() as AddressInfo;
  return {
    name: `${address.includes(':') ? `[${address}]` : address}:${port}`,
    port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Joins the two, each direction by itself. What breaks one breaks the other; only what the pod's end says is thrown. */
async function joinConnection(socket: Socket, port: number, dialer: Dialer): Promise<void> {
  // A local client that breaks off is its own affair.
  socket.on('error', () => undefined);
  let far: Duplex;
  try {
    far = await dialer.connect(port);
  } catch (error) {
    socket.resetAndDestroy();
    throw error;
  }
  const over = new Promise<void>((resolve, reject) => {
    far.on('error', (cause) => {
      socket.resetAndDestroy();
      reject(cause);
    });
    far.on('close', resolve);
  });
  socket.on('close', (broken) => {
    if (broken || !far.writableEnded) far.destroy();
  });
  socket.pipe(far).pipe(socket);
  if (socket.destroyed) far.destroy();
  await over;
}

function listening(server: Server, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const taken = errnoOf(cause) === 'EADDRINUSE' ? ' (use LOCAL:REMOTE with another port, or :REMOTE)' : '';
      const message = `port-forward: cannot listen on ${address} port ${port}: ${messageOf(cause)}${taken}`;
      reject(new CliError(message, exitStatus.failed, { cause }));
    });
    server.listen({ host: address, port, ipv6Only: true }, () => resolve());
  });
}
