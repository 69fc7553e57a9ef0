import type { Environment } from '../../config';
import { Connections } from './connections';
import { Http } from './http';
import { proxiesOf } from './proxy/proxies';
import { systemAuthorities } from './tls/authorities';
import { TrustStore } from './tls/trust';

/** Milliseconds. */
const timeouts = { connectMs: 10_000, idleMs: 60_000 };

/** The requests of this process, with the machine's proxies and certificates. Throws `config-invalid` for a wrong proxy. */
export function createHttp(environment: Environment, certsDirs: readonly string[]): Http {
  const { connectMs, idleMs } = timeouts;
  const connections = new Connections({ connectMs, authorities: () => systemAuthorities(environment.caFile) });
  const proxyFor = proxiesOf(environment.proxy);
  return new Http({ connections, trust: new TrustStore(certsDirs), proxyFor, idleMs });
}
