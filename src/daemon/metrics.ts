import { type Log, messageOf } from '../base';
import type { Config } from '../config';
import { type CallObserver, createMetrics, createMetricsServer, type MetricSources } from '../observe';

/** berthd's metrics, and where they are read; nothing of either unless the configuration has an address. */
export interface MetricsEndpoint {
  /** To be told of each RPC. */
  readonly calls?: CallObserver;
  /** Reads the certificates anew; listens where it could not before. Rejects `config-invalid` for certificates that cannot be used. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

const nothing = () => Promise.resolve();

/** Begins to count and to serve. An address that cannot be had costs the node its metrics, and not its pods: it is told in the log. */
export async function openMetrics(
  config: Config['metrics'],
  sources: MetricSources,
  version: string,
  log: Log,
): Promise<MetricsEndpoint> {
  const { address, tls_cert: cert, tls_key: key, client_ca: clientCa } = config;
  if (address === '') return { reload: nothing, close: nothing };
  const { host, port } = splitAddress(address);
  const metrics = await createMetrics(sources, version);
  const tls = cert ? { cert, key, clientCa: clientCa || undefined } : undefined;
  const server = createMetricsServer({ host, port, tls, metrics, log });
  if (!tls && !isLoopback(host))
    log.warn({ address }, 'metrics.address is no loopback address and has no TLS: whoever reaches it may read');
  const listen = () =>
    server.reload().catch((error: unknown) => {
      const remedy = 'correct metrics.* and restart, or free the address and reload';
      log.error({ err: error, address }, `no metrics are served: ${messageOf(error)}; ${remedy}`);
    });
  await listen();
  return {
    calls: metrics.calls,
    reload: () => (server.url === undefined ? listen() : server.reload()),
    async close() {
      await server.close();
      metrics[Symbol.dispose]();
    },
  };
}

function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
