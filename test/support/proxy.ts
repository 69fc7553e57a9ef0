import { once } from 'node:events';
import { createServer, request as forward, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { KeyPair } from './authority';

/** A forward proxy that knows where its names lead. */
export class TestProxy implements AsyncDisposable {
  readonly seen: string[] = [];
  readonly authorizations = new Set<string | undefined>();
  private readonly places = new Map<string, string>();
  private readonly tunnels = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly host: string,
  ) {
    server.on('request', (request, response) => {
      this.note(request);
      const url = new URL(request.url ?? '');
      const place = this.places.get(`${url.hostname}:${url.port || 80}`);
      if (place === undefined) return void response.writeHead(502).end();
      const onward = forward(
        `http://${place}${url.pathname}`,
        { headers: { ...request.headers, host: place } },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      return void onward.end();
    });
    server.on('connect', (request: IncomingMessage, socket: Socket) => {
      this.note(request);
      const [host = '', port] = (this.places.get(request.url ?? '') ?? '').split(':');
      if (host === '') return void socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      const onward = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
      for (const side of [socket, onward]) {
        this.tunnels.add(side);
        side.on('error', () => undefined);
      }
      socket.pipe(onward).pipe(socket);
    });
  }

  /** With a pair it speaks TLS to its clients. */
  static async start(pair?: KeyPair): Promise<TestProxy> {
    const server = (pair ? createSecureServer(pair) : createServer()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || !address) throw new Error('the proxy does not listen');
    return new TestProxy(server, `127.0.0.1:${address.port}`);
  }

  /** Requests for `name:port` go there. */
  lead(name: string, place: string): void {
    this.places.set(name, place);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const side of this.tunnels) side.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private note({ method, url, headers }: IncomingMessage): void {
    this.seen.push(`${method} ${url}`);
    this.authorizations.add(headers['proxy-authorization']);
  }
}
