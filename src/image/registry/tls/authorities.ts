import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { errnoOf } from '../../../base';

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
  if (caFile !== undefined) return [await readFile(caFile, 'utf8')];
  for (const path of bundles) {
    try {
      return [await readFile(path, 'utf8')];
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error;
    }
  }
  return rootCertificates;
}
