import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Listener, listen, type Log, messageOf, type TlsFiles } from '../../base';
import { contentTypes, formatFor } from './exposition';
import type { Metrics } from './metrics';

export interface MetricsServerOptions {
  readonly host: string;
  /** 0 is a free port. */
  readonly port: number;
  /** Without it the endpoint is plain http. */
  readonly tls?: TlsFiles | undefined;
  readonly metrics: Pick<Metrics, 'render'>;
  readonly log: Log;
  /** Milliseconds for a client to send its request, and to take the answer; 10 s. */
  readonly timeoutMs?: number;
}

/** The endpoint that Prometheus scrapes. */
export interface MetricsServer {
  /** `http://127.0.0.1:9190/metrics`; undefined while it does not listen. */
  readonly url: string | undefined;
  /** Reads the certificates anew, and listens if it does not yet. Rejects `config-invalid`; all then is as before. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

const path = '/metrics';
/** A Prometheus or two, and whoever looks. */
const maxConnections = 32;
/** Milliseconds for which a connection waits for its next scrape. */
const keepAliveTimeout = 90_000;

/** The server. It listens after a `reload` that resolves. */
export function createMetricsServer(options: MetricsServerOptions): MetricsServer {
  const { metrics, log, timeoutMs = 10_000 } = options;
  let listener: Listener | undefined;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const late = setTimeout(() => response.destroy(), timeoutMs).unref();
    response.once('close', () => clearTimeout(late));
    // A body is nobody's here: what is left of it ends with the connection.
    if (hasBody(request)) response.setHeader('Connection', 'close');
    if (request.url?.split('?', 1)[0] !== path) return say(response, 404, `there is only ${path}`);
    if (request.method !== 'GET') return say(response.setHeader('Allow', 'GET'), 405, 'use GET');
    const format = formatFor(request.headers.accept);
    try {
      const body = Buffer.from(await metrics.render(format));
      response.writeHead(200, { 'Content-Type': contentTypes[format], 'Content-Length': body.length }).end(body);
    } catch (error) {
      log.error({ err: error }, `metrics: ${messageOf(error)}`);
      say(response, 500, 'the metrics could not be collected: see the log of berthd');
    }
  };

  const start = async (): Promise<void> => {
    listener = await listen({ ...options, what: 'metrics', maxConnections, headersTimeout: timeoutMs });
    const { http, base } = listener;
    http.keepAliveTimeout = keepAliveTimeout;
    http.on('request', (request, response) => void answer(request, response));
    log.info({ url: base + path }, 'metrics are served');
  };

  return {
    get url() {
      return listener && listener.base + path;
    },
    reload: () => listener?.reload() ?? start(),
    close: async () => listener?.close(),
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}
