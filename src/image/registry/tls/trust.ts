import type { Endpoint } from '../endpoint';
import { type HostCerts, readHostCerts } from './certs-d';

/** Whom a connection trusts, and what it shows of itself. */
export interface Trust {
  /** Names the connections that may share it. */
  readonly name: string;
  /** Changes with the certificates. */
  readonly stamp: string;
  readonly authorities: HostCerts['authorities'];
  readonly pairs: HostCerts['pairs'];
  /** Any certificate will do. */
  readonly insecure: boolean;
}

/** The system's authorities, and nothing to show. */
export const systemTrust: Trust = { name: '', stamp: '', authorities: [], pairs: [], insecure: false };

/** The trust of each host that a pull talks to, read once for each endpoint: the next pull sees what has changed. */
export class TrustStore {
  private readonly known = new WeakMap<Endpoint, Map<string, Promise<Trust>>>();

  constructor(private readonly certsDirs: readonly string[]) {}

  /** Throws `config-invalid` or `config-unreadable` if the host's folder of certificates is wrong. */
  async trustOf(url: URL, endpoint: Endpoint): Promise<Trust> {
    const hosts = this.known.get(endpoint) ?? new Map<string, Promise<Trust>>();
    this.known.set(endpoint, hosts);
    const trust = hosts.get(url.host) ?? this.read(url, endpoint);
    hosts.set(url.host, trust);
    return trust;
  }

  /**
   * A registry's own certificates are under its name. Where it sends to (storage, token server) its authorities are
   * trusted too, for they are usually the same; its client key is shown nowhere else.
   */
  private async read(url: URL, endpoint: Endpoint): Promise<Trust> {
    const { insecure } = endpoint;
    const own = endpoint.origins.some(({ host }) => host === url.host);
    const certs = await readHostCerts(this.certsDirs, own ? endpoint.host : url.host);
    if (certs) return { ...certs, name: certs.folder, insecure };
    const lent = own ? undefined : await readHostCerts(this.certsDirs, endpoint.host);
    if (lent) return { ...lent, name: `${lent.folder} without its key`, pairs: [], insecure };
    return { ...systemTrust, insecure };
  }
}
