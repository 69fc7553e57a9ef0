import { BerthError } from '../../base';
import type { RegistryAuth } from '../images';
import { type Credentials, decodeBasic, registryHost } from './credentials';

/**
 * The credentials of a CRI AuthConfig for an endpoint, or undefined if it has none for it. They are the named
 * registry's: a mirror on another domain never sees them, nor does a host that `server_address` does not name.
 */
export function credentialsFromCri(
  auth: RegistryAuth | undefined,
  namedHost: string,
  endpointHost: string,
): Credentials | undefined {
  if (!auth || endpointHost !== namedHost) return undefined;
  if (auth.serverAddress !== '' && !hostMatches(registryHost(auth.serverAddress), endpointHost)) return undefined;
  if (auth.username !== '') return { kind: 'basic', username: auth.username, password: auth.password };
  if (auth.auth !== '') {
    const basic = decodeBasic(auth.auth);
    if (basic) return basic;
    throw new BerthError('argument-invalid', {
      op: 'PullImage',
      object: 'auth.auth',
      detail: 'it is not the base64 of user:password',
    });
  }
  if (auth.identityToken !== '') return { kind: 'identity', username: '', token: auth.identityToken };
  if (auth.registryToken !== '') return { kind: 'bearer', token: auth.registryToken };
  return undefined;
}

// The kubelet's credential keys may carry a wildcard per label: `*.example.com`.
function hostMatches(pattern: string, host: string): boolean {
  const wanted = pattern.split('.');
  const labels = host.split('.');
  return wanted.length === labels.length && wanted.every((part, at) => part === '*' || part === labels[at]);
}
