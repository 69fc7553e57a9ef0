import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

/** Where a connection is cut: after so many bytes of one direction; and how the server sees it. */
export interface Cut {
  readonly direction: 'up' | 'down';
  readonly bytes: number;
  /** A close, a reset as of a process that was killed, or only the end of what the client sends. */
  readonly how: 'close' | 'reset' | 'half-close';
}

/** Stands between clients and a streaming server, so that a client can vanish at any byte of its session. */
export class CuttingProxy implements AsyncDisposable {
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly listener: Server) {}

  /** One connection's proxy: it passes the URL's server on until the cut. */
  static async before(url: string, cut: Cut): Promise<{ readonly proxy: CuttingProxy; readonly url: string }> {
    const target = new URL(url);
    const listener = createServer({ allowHalfOpen: true });
    const proxy = new CuttingProxy(listener);
    listener.on('connection', (client) =>
      proxy.join(client, connect({ host: target.hostname, port: Number(target.port), allowHalfOpen: true }), cut),
    );
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const through = new URL(url);
    through.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
    return { proxy, url: through.href };
  }

  /** Settles when the server has let go of its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.sockets].filter((socket) => !socket.closed);
    const closed = open.map((socket) => once(socket, 'close'));
    this.listener.close();
    await Promise.all(closed);
  }

  private join(client: Socket, server: Socket, cut: Cut): void {
    this.sockets.add(client).add(server);
    for (const socket of [client, server]) socket.on('error', () => undefined);
    let left = cut.bytes;
    const apply = () => {
      client.destroy();
      if (cut.how === 'close') server.destroy();
      else if (cut.how === 'reset') server.resetAndDestroy();
      // What it still sends is read: only the end is what it is to see.
      else server.removeAllListeners('data').resume().end();
    };
    const pass = (from: Socket, to: Socket, direction: Cut['direction']) => {
      from.on('data', (chunk: Buffer) => {
        const piece = direction === cut.direction ? chunk.subarray(0, left) : chunk;
        if (direction === cut.direction) left -= piece.length;
        if (to.writable && !to.write(piece)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
        if (left === 0) apply();
      });
      from.on('end', () => void to.end());
      from.on('close', () => {
        if (from === server) client.destroy();
        else if (cut.how !== 'half-close') server.destroy();
      });
    };
    if (left === 0) server.once('connect', apply);
    pass(client, server, 'up');
    pass(server, client, 'down');
  }
}
