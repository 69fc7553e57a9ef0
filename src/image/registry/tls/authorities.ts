import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { BerthError, errnoOf, messageOf } from '../../../base';

/** Where distributions keep the bundle: Debian, Fedora, openSUSE, Alpine. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * The authorities that this machine trusts, PEM: an administrator adds to the system's bundle, of which Node on its own
 * knows nothing. A machine without one gets Node's.
 */
export async function systemAuthorities(caFile: string | undefined): Promise<readonly string[]> {
  for (const path of caFile === undefined ? bundles : [caFile]) {
    try {
      return [await readFile(path, 'utf8')];
    } catch (error) {
      const absent = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
      if (absent && caFile === undefined) continue;
      throw new BerthError('config-unreadable', {
        op: 'read certificates',
        object: path,
        detail: messageOf(error),
        ...(caFile !== undefined && {
          remedy: 'correct SSL_CERT_FILE in the environment of berthd and start it again',
        }),
        cause: error,
      });
    }
  }
  return rootCertificates;
}
