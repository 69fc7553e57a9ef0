import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { BerthError, type Listener, listen, type Log, type TlsFiles } from '../../base';
import { Places } from '../port-forward/places';
import type { Session, SessionParts } from '../session';
import type {
  AttachStreamRequest,
  ExecStreamRequest,
  PortForwardRequest,
  StreamTarget,
  StreamingServer,
} from '../target';
import { acceptWebSocket } from '../websocket/handshake';
import { type Refusal, refuse, switchToSpdy } from './answer';
import { offersFor } from './offers';
import type { Ticket } from './ticket';
import { TokenStore } from './tokens';
import { judgeUpgrade } from './upgrade';

export interface StreamingOptions {
  /** The address to listen on; a wildcard stands in URLs as the loopback address. */
  readonly host: string;
  /** 0 is a free port. */
  readonly port: number;
  /** Without it URLs are plain http. */
  readonly tls?: TlsFiles | undefined;
  readonly target: StreamTarget;
  readonly log: Log;
  /** Milliseconds in which nothing moves until a session is ended, 0 is never; 4 hours. */
  readonly idleTimeoutMs?: number;
  /** Milliseconds for the client to send its request, and to open its streams; 30 s. */
  readonly creationTimeoutMs?: number;
  /** Sessions at once; 1000. */
  readonly maxSessions?: number;
  /** Forwarded connections at once, over all sessions; 1024. */
  readonly maxForwards?: number;
  /** URLs that may be given out and not used; 1000. */
  readonly maxTokens?: number;
  /** Milliseconds that a URL can be used; 60 s. */
  readonly tokenLifetimeMs?: number;
}

/** Connections beside those of sessions: they have still to send their request. */
const maxWaiting = 256;
/** Seconds after which it may be worth while to try again. */
const retryAfter = '5';

/** The server of the URLs that Exec, Attach and PortForward answer with (CRI). It listens after `listen`. */
export function createStreamingServer(options: StreamingOptions): StreamingServer {
  return new HttpStreamingServer(options);
}

class HttpStreamingServer implements StreamingServer {
  private listener: Listener | undefined;
  private readonly tokens: TokenStore<Ticket>;
  private readonly sessions = new Set<Session>();
  private readonly maxSessions: number;
  private readonly parts: SessionParts;

  constructor(private readonly options: StreamingOptions) {
    this.parts = {
      target: options.target,
      log: options.log,
      idleTimeoutMs: options.idleTimeoutMs ?? 4 * 60 * 60_000,
      creationTimeoutMs: options.creationTimeoutMs ?? 30_000,
      forwards: new Places(options.maxForwards ?? 1024),
    };
    this.maxSessions = options.maxSessions ?? 1000;
    this.tokens = new TokenStore(options.maxTokens ?? 1000, options.tokenLifetimeMs ?? 60_000);
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
    const maxConnections = this.maxSessions + maxWaiting;
    const headersTimeout = this.parts.creationTimeoutMs;
    const { http } = (this.listener = await listen({
      ...this.options,
      what: 'streams',
      maxConnections,
      headersTimeout,
    }));
    http.on('request', (request, response) => this.answerPlain(request, response));
    http.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
  }

  async reload(): Promise<void> {
    await this.listener?.reload();
  }

  async close(): Promise<void> {
    const closed = this.listener?.close();
    for (const session of this.sessions) session.stop();
    await Promise.all([closed, ...[...this.sessions].map(({ over }) => over)]);
  }

  private url(op: string, ticket: Ticket): string {
    if (!this.listener) {
      throw new BerthError('daemon-starting', { op, detail: 'the streaming server does not listen' });
    }
    return `${this.listener.base}/${ticket.verb}/${this.tokens.issue(ticket)}`;
  }

  /** Requests without an upgrade get nowhere, but use their token up all the same. */
  private answerPlain(request: IncomingMessage, response: ServerResponse): void {
    const found = this.find(request);
    const { status, text } = found.kind === 'refused' ? found.refusal : { status: 400, text: 'an upgrade is needed' };
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' }).end(`${text}\n`);
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
    // Before the token is looked at: it can be used when there is room again.
    if (this.sessions.size >= this.maxSessions) {
      const text = `there are ${this.maxSessions} sessions, as many as may be at once`;
      refuse(socket, { status: 429, text, headers: { 'Retry-After': retryAfter } });
      return;
    }
    const found = this.find(request);
    const answer =
      found.kind === 'refused' ? found : judgeUpgrade(request, offersFor(found.ticket, queryOf(request), this.parts));
    switch (answer.kind) {
      case 'refused':
        return refuse(socket, answer.refusal);
      case 'spdy':
        switchToSpdy(socket, answer.protocol);
        return this.follow(answer.start(socket, head));
      case 'websocket':
        return acceptWebSocket(request, socket, head, answer.protocol, (web) => this.follow(answer.start(web)));
      default:
        answer satisfies never;
    }
  }

  private follow(session: Session): void {
    this.sessions.add(session);
    void session.over.then(() => this.sessions.delete(session));
  }
}

function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const [, ...query] = url.split('?');
  return new URLSearchParams(query.join('?'));
}
