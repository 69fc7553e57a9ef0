import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { BerthError, messageOf } from '../base';
import { tokenSize } from './protocol/ops';

/** Milliseconds in which a connection has to show its token. */
const tokenTimeoutMs = 10_000;
/** Linux: sun_path is 108 bytes with its final zero. */
const maxSocketPath = 107;

/** A connection that a child will make: present the token to the launcher, then await the socket. */
export interface Expected extends Disposable {
  readonly token: Buffer;
  readonly socket: Promise<Socket>;
}

/**
 * Sockets of children: the unix socket to which they connect for what is too much for the control socket, and the
 * connections that they hand over.
 */
export class BulkServer implements AsyncDisposable {
  private readonly server: Server;
  private readonly expected = new Map<string, (socket: Socket) => void>();
  private readonly open = new Set<Socket>();

  constructor(readonly path: string) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
  }

  async listen(): Promise<void> {
    const subject = { op: 'listen', object: this.path };
    if (Buffer.byteLength(this.path) > maxSocketPath)
      throw new BerthError('config-invalid', {
        ...subject,
        detail: `the path has more than ${maxSocketPath} bytes`,
        remedy: 'choose a shorter --run-root',
      });
    try {
      this.server.listen(this.path);
      await once(this.server, 'listening');
    } catch (error) {
      throw new BerthError('kernel-refused', { ...subject, detail: messageOf(error), cause: error });
    }
  }

  /** Announces a connection. Dispose of it when it is no longer waited for. */
  expect(): Expected {
    const token = randomBytes(tokenSize);
    const key = token.toString('hex');
    const socket = new Promise<Socket>((resolve) => this.expected.set(key, resolve));
    return { token, socket, [Symbol.dispose]: () => void this.expected.delete(key) };
  }

  /** A connection that a child made elsewhere and handed over with its token. */
  take(token: string, socket: Socket): void {
    this.keep(socket);
    // The other side's end is not ours: each direction ends by itself.
    socket.allowHalfOpen = true;
    // It may break before the one who waits for it listens; that one sees it closed.
    socket.on('error', () => undefined);
    this.give(token, socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.open) socket.destroy();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }

  private keep(socket: Socket): void {
    this.open.add(socket);
    socket.once('close', () => this.open.delete(socket));
  }

  private give(token: string, socket: Socket): void {
    const take = this.expected.get(token);
    this.expected.delete(token);
    if (take) take(socket);
    else socket.destroy();
  }

  private accept(socket: Socket): void {
    this.keep(socket);
    const late = setTimeout(() => socket.destroy(), tokenTimeoutMs);
    const drop = () => socket.destroy();
    socket.once('close', () => clearTimeout(late));
    const read = () => {
      const token: unknown = socket.read(tokenSize);
      if (!Buffer.isBuffer(token)) return;
      clearTimeout(late);
      socket.off('readable', read).off('error', drop).off('end', drop);
      this.give(token.toString('hex'), socket);
    };
    // Until its token is there it belongs to nobody: broken or ended, it is dropped.
    socket.on('readable', read).on('error', drop).on('end', drop);
  }
}
