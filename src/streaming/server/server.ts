import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { BerthError, type Log, messageOf } from '../../base';
import type { Session, SessionParts } from '../session';
import type {
  AttachStreamRequest,
  ExecStreamRequest,
  PortForwardRequest,
  StreamTarget,
  StreamingServer,
} from '../target';
import { offersOverSpdy } from './offers';
import type { Ticket } from './ticket';
import { TokenStore } from './tokens';
import { type Refusal, judgeUpgrade, refuse, switchProtocols } from './upgrade';

export interface StreamingOptions {
  /** The address to listen on; a wildcard stands in URLs as the loopback address. */
  readonly host: string;
  /** 0 is a free port. */
  readonly port: number;
  readonly target: StreamTarget;
  readonly log: Log;
  /** Milliseconds without any frame until a session is ended; 4 hours. */
  readonly idleTimeoutMs?: number;
  /** Milliseconds for the client to open its streams; 30 s. */
  readonly creationTimeoutMs?: number;
  /** URLs that may be given out and not used; 1000. */
  readonly maxTokens?: number;
  /** Milliseconds that a URL can be used; 60 s. */
  readonly tokenLifetimeMs?: number;
}

/** The server of the URLs that Exec, Attach and PortForward answer with (CRI). It listens after `listen`. */
export function createStreamingServer(options: StreamingOptions): StreamingServer {
  return new HttpStreamingServer(options);
}

class HttpStreamingServer implements StreamingServer {
  private readonly http: Server;
  private readonly tokens: TokenStore<Ticket>;
  private readonly sessions = new Set<Session>();
  private readonly parts: SessionParts;

  constructor(private readonly options: StreamingOptions) {
    this.parts = {
      target: options.target,
      log: options.log,
      idleTimeoutMs: options.idleTimeoutMs ?? 4 * 60 * 60_000,
      creationTimeoutMs: options.creationTimeoutMs ?? 30_000,
    };
    this.tokens = new TokenStore(options.maxTokens ?? 1000, options.tokenLifetimeMs ?? 60_000);
    this.http = createServer({ headersTimeout: this.parts.creationTimeoutMs, maxHeaderSize: 16 * 1024 });
    this.http.on('request', (request, response) => {
      const { status, text } = this.answerPlain(request);
      response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' }).end(`${text}\n`);
    });
    this.http.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
    this.http.on('error', (error) => this.options.log.error({ err: error }, 'streaming server'));
  }

  execUrl(request: ExecStreamRequest): string {
    return this.url('Exec', { verb: 'exec', request });
  }

  attachUrl(request: AttachStreamRequest): string {
    return this.url('Attach', { verb: 'attach', request });
  }

  portForwardUrl(request: PortForwardRequest): string {
    return this.url('PortForward', { verb: 'portforward', request });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const fail = (cause: Error) => {
        const object = `${this.options.host}:${this.options.port}`;
        reject(new BerthError('config-invalid', { op: 'listen for streams', object, detail: messageOf(cause), cause }));
      };
      this.http.once('error', fail);
      this.http.listen(this.options.port, this.options.host, () => {
        this.http.off('error', fail);
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.http.close(() => resolve()));
    for (const session of this.sessions) session.stop();
    this.http.closeAllConnections();
    await Promise.all([closed, ...[...this.sessions].map(({ over }) => over)]);
  }

  private url(op: string, ticket: Ticket): string {
    const address = this.http.address();
    if (address === null || typeof address === 'string') {
      throw new BerthError('daemon-starting', { op, detail: 'the streaming server does not listen' });
    }
    return `http://${urlHost(address.address)}:${address.port}/${ticket.verb}/${this.tokens.issue(ticket)}`;
  }

  /** Requests without an upgrade get nowhere, but use their token up all the same. */
  private answerPlain(request: IncomingMessage): Refusal {
    const found = this.find(request);
    return found.kind === 'refused' ? found.refusal : { status: 400, text: 'an upgrade to SPDY/3.1 is needed' };
  }

  private find(request: IncomingMessage): { kind: 'refused'; refusal: Refusal } | { kind: 'found'; ticket: Ticket } {
    const refused = (status: number, text: string) => ({ kind: 'refused' as const, refusal: { status, text } });
    const [, verb, token, ...rest] = (request.url ?? '').split('?', 1).join('').split('/');
    const ticket = token ? this.tokens.take(token) : undefined;
    if (request.method !== 'GET' && request.method !== 'POST') return refused(405, 'use GET or POST');
    if (rest.length > 0 || !ticket || ticket.verb !== verb) {
      return refused(404, 'unknown URL: each can be used once, within a minute; ask for a new one');
    }
    return { kind: 'found', ticket };
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Node has taken its own listener off: a client that breaks off must not end the process.
    socket.on('error', (error) => this.options.log.debug({ err: error }, 'stream client broke off'));
    const found = this.find(request);
    if (found.kind === 'refused') {
      refuse(socket, found.refusal);
      return;
    }
    const answer = judgeUpgrade(request, offersOverSpdy(found.ticket, this.parts));
    if (answer.kind === 'refused') {
      refuse(socket, answer.refusal);
      return;
    }
    switchProtocols(socket, answer.protocol);
    const session = answer.start(socket, head);
    this.sessions.add(session);
    void session.over.then(() => this.sessions.delete(session));
  }
}

function urlHost(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return address.includes(':') ? `[${address}]` : address;
}
