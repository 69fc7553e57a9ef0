import { createSecureContext, type SecureContext } from 'node:tls';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { BerthError, messageOf } from '../../base';
import { basicHeader } from '../credentials';
import type { Trust } from './tls/trust';

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

  /** Connections to hosts of this trust, straight or through the proxy. Throws `config-invalid` for a useless pair. */
  async to(trust: Trust, proxy: URL | undefined): Promise<Dispatcher> {
    const key = JSON.stringify([trust.name, trust.insecure, proxy?.href]);
    const authorities = await (this.authorities ??= this.options.authorities());
    const known = this.agents.get(key);
    if (known?.stamp === trust.stamp) return known.dispatcher;
    const context = contextOf(trust, authorities);
    const dispatcher = this.connect(context, !trust.insecure, proxy);
    this.agents.set(key, { stamp: trust.stamp, dispatcher });
    if (known) this.retire(known.dispatcher);
    return dispatcher;
  }

  /** Ends all connections; requests in flight fail. */
  async close(): Promise<void> {
    const current = [...this.agents.values()].map(({ dispatcher }) => dispatcher);
    await Promise.all([...current, ...this.retired].map((dispatcher) => dispatcher.destroy()));
  }

  private connect(secureContext: SecureContext, rejectUnauthorized: boolean, proxy: URL | undefined): Dispatcher {
    const connect = { timeout: this.options.connectMs, secureContext, rejectUnauthorized };
    if (!proxy) return new Agent({ connect });
    const { connectMs: timeout } = this.options;
    // A tunnel for https only: many proxies allow CONNECT to port 443 alone.
    const options = { proxyTunnel: false, requestTls: connect, proxyTls: { timeout } };
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

function contextOf({ name, authorities, pairs }: Trust, system: readonly string[]): SecureContext {
  try {
    return createSecureContext({
      ca: [...system, ...authorities],
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
