import { type ConnectionOptions, createSecureContext, type SecureContext } from 'node:tls';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { BerthError, messageOf } from '../../base';
import { basicHeader } from '../credentials';
import { systemTrust, type Trust } from './tls/trust';

export interface ConnectionsOptions {
  /** Milliseconds until a connection has to be made. */
  readonly connectMs: number;
  /** PEM of the authorities that every connection trusts. */
  readonly authorities: () => Promise<readonly string[]>;
}

interface Agents {
  readonly stamp: string;
  readonly dispatcher: Dispatcher;
}

/** Kept connections, shared by all that reach their host in the same way with the same certificates. */
export class Connections {
  private readonly agents = new Map<string, Agents>();
  private readonly retired = new Set<Dispatcher>();
  private authorities: Promise<readonly string[]> | undefined;

  constructor(private readonly options: ConnectionsOptions) {}

  /** Connections for requests to this address, straight or through the proxy. Throws `config-invalid` for a useless pair. */
  async to({ protocol }: URL, trust: Trust, proxy: URL | undefined): Promise<Dispatcher> {
    const plain = protocol === 'http:';
    const key = JSON.stringify([plain ? 'plain' : [trust.name, trust.insecure], proxy?.href]);
    const stamp = plain ? '' : trust.stamp;
    // Reading a hundred authorities takes its time: only where they are asked.
    const needed = (!plain && !trust.insecure) || proxy?.protocol === 'https:';
    const authorities = needed ? await (this.authorities ??= this.options.authorities()) : undefined;
    const known = this.agents.get(key);
    if (known?.stamp === stamp) return known.dispatcher;
    const tls = plain ? {} : { secureContext: contextOf(trust, authorities), rejectUnauthorized: !trust.insecure };
    const dispatcher = this.connect(tls, proxy, authorities);
    this.agents.set(key, { stamp, dispatcher });
    if (known) this.retire(known.dispatcher);
    return dispatcher;
  }

  /** Ends all connections; requests in flight fail. */
  async close(): Promise<void> {
    const current = [...this.agents.values()].map(({ dispatcher }) => dispatcher);
    await Promise.all([...current, ...this.retired].map((dispatcher) => dispatcher.destroy()));
  }

  private connect(tls: ConnectionOptions, proxy: URL | undefined, system: readonly string[] | undefined): Dispatcher {
    const { connectMs: timeout } = this.options;
    const connect = { ...tls, timeout };
    if (!proxy) return new Agent({ connect });
    const proxyTls = { timeout, ...(proxy.protocol === 'https:' && { secureContext: contextOf(systemTrust, system) }) };
    // Through an http proxy a tunnel for https only: many proxies allow CONNECT to port 443 alone.
    const options = { proxyTunnel: false, requestTls: connect, proxyTls };
    const [username, password] = [decodeURIComponent(proxy.username), decodeURIComponent(proxy.password)];
    const token = username === '' ? {} : { token: basicHeader(username, password) };
    return new ProxyAgent({ uri: proxy.href, ...token, ...options });
  }

  // Certificates have changed: what is under way ends in peace.
  private retire(dispatcher: Dispatcher): void {
    const gone = () => void this.retired.delete(dispatcher);
    this.retired.add(dispatcher);
    dispatcher.close().then(gone, gone);
  }
}

function contextOf({ name, authorities, pairs }: Trust, system: readonly string[] | undefined): SecureContext {
  try {
    return createSecureContext({
      ...(system && { ca: [...system, ...authorities] }),
      cert: pairs.map(({ cert }) => cert),
      key: pairs.map(({ key }) => key),
    });
  } catch (error) {
    throw new BerthError('config-invalid', {
      op: 'read certificates',
      object: name === '' ? "the system's authorities" : name,
      detail: messageOf(error),
      remedy: 'correct the certificates or the key',
      cause: error,
    });
  }
}
