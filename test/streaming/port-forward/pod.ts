import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { silentLog } from '../../../src/base';
import {
  createStreamingServer,
  openPortForward,
  type PortForwardClient,
  type StreamTarget,
  type StreamingOptions,
  type StreamingServer,
} from '../../../src/streaming';
import { ShellTarget } from '../shell-target';

/** A pod whose ports are this machine's, and a streaming server in front of it. */
export class PodBehindServer implements AsyncDisposable {
  readonly shell = new ShellTarget();
  /** The pod's ends of the connections that it has. */
  readonly sockets = new Set<Socket>();
  private readonly streaming: StreamingServer;
  private readonly servers: Server[] = [];

  private constructor(
    private readonly target: Partial<StreamTarget>,
    options: Partial<StreamingOptions>,
  ) {
    this.streaming = createStreamingServer({
      host: '127.0.0.1',
      port: 0,
      target: {
        exec: (request, streams) => this.shell.exec(request, streams),
        attach: (request, streams) => this.shell.attach(request, streams),
        dial: (request, port, signal) => (this.target.dial ?? this.shell.dial.bind(this.shell))(request, port, signal),
        untilStopped: () => this.shell.untilStopped(),
      },
      log: silentLog(),
      ...options,
    });
  }

  static async start(
    target: Partial<StreamTarget> = {},
    options: Partial<StreamingOptions> = {},
  ): Promise<PodBehindServer> {
    const pod = new PodBehindServer(target, options);
    await pod.streaming.listen();
    return pod;
  }

  /** A program that listens; gives its port. */
  async serve(serveOne: (socket: Socket) => void): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket)).on('error', () => undefined);
      serveOne(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  url(ports: readonly number[] = []): string {
    return this.streaming.portForwardUrl({ podId: 'p1', ports });
  }

  forward(ports?: readonly number[], signal?: AbortSignal): Promise<PortForwardClient> {
    return openPortForward(this.url(ports), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.streaming.close();
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** Resolves when nothing is in the set any more. */
export async function emptied(sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) if (!socket.closed) await once(socket, 'close');
}
