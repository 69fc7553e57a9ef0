import { type Server, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { BerthError, messageOf } from '../errors/berth-error';
import type { Log } from '../log';
import { type TlsFiles, readCertificates, watchCertificates } from './certificates';

export interface ListenerOptions {
  /** What is served, for messages: `streams`. */
  readonly what: string;
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsFiles | undefined;
  readonly log: Log;
  /** Milliseconds for a client to send the head of its request. */
  readonly headersTimeout: number;
  /** Connections that are served at once, upgraded or not; more are closed. */
  readonly maxConnections: number;
}

/** An HTTP server that listens, with TLS if there are files for it. */
export interface Listener {
  readonly http: Server;
  /** `http://127.0.0.1:34567`, as the kubelet can reach it. */
  readonly base: string;
  /** Reads the certificates anew. Rejects `config-invalid`; those of before then hold. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

const maxHeaderSize = 16 * 1024;
/** How often connections are looked at that have not sent their request, in milliseconds. */
const connectionsCheckingInterval = 1_000;
/** Milliseconds in which nothing comes until the kernel asks whether the peer is there. */
const keepAliveInitialDelay = 30_000;
/** Milliseconds of a TLS handshake. */
const handshakeTimeout = 10_000;

/** Listens. Rejects `config-invalid` for an address that cannot be had, or certificates that cannot be used. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { what, tls, log, headersTimeout } = options;
  const limits = {
    headersTimeout,
    requestTimeout: headersTimeout,
    maxHeaderSize,
    connectionsCheckingInterval,
    // A machine that vanished sends no end of its connection.
    keepAlive: true,
    keepAliveInitialDelay,
  };
  if (!tls) {
    const http = createServer(limits);
    return opened(http, 'http', options, () => Promise.resolve());
  }
  const context = await readCertificates(tls);
  const clients = tls.clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  const https = createTlsServer({ ...limits, ...context, ...clients, handshakeTimeout });
  https.on('tlsClientError', (error) => log.debug({ err: error }, `a client for ${what} failed at TLS`));
  const use = (fresh: SecureContextOptions) => https.setSecureContext(fresh);
  const listener = await opened(https, 'https', options, async () => use(await readCertificates(tls)));
  const watching = watchCertificates(tls, what, log, use);
  https.once('close', () => watching[Symbol.dispose]());
  return listener;
}

async function opened(
  http: Server,
  scheme: 'http' | 'https',
  { what, host, port, maxConnections, log }: ListenerOptions,
  reload: () => Promise<void>,
): Promise<Listener> {
  http.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: Error) => {
      const object = `${host}:${port}`;
      reject(new BerthError('config-invalid', { op: `listen for ${what}`, object, detail: messageOf(cause), cause }));
    };
    http.once('error', fail);
    http.listen(port, host, () => {
      http.off('error', fail);
      resolve();
    });
  });
  http.on('error', (error) => log.error({ err: error }, `the server of ${what}`));
  const close = async () => {
    const closed = new Promise<void>((resolve) => http.close(() => resolve()));
    http.closeAllConnections();
    await closed;
  };
  const address = http.address();
  if (address === null || typeof address === 'string') {
    throw new BerthError('internal', { op: `listen for ${what}`, object: `${host}:${port}`, detail: 'no address' });
  }
  return { http, base: `${scheme}://${urlHost(address.address)}:${address.port}`, reload, close };
}

/** A wildcard is reached by the loopback address: the kubelet is on this node. */
function urlHost(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return address.includes(':') ? `[${address}]` : address;
}
