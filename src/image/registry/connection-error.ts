import { errors } from 'undici';
import { abortError, BerthError, errnoOf, messageOf } from '../../base';
import { registryHost } from '../credentials';
import { printable } from './endpoint';

/** Words for what sockets, resolvers and TLS say; anything else keeps its own. */
const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'the network is unreachable',
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name server does not answer',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stalled',
  UND_ERR_SOCKET: 'the connection was closed',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS',
  EPROTO: 'it does not speak TLS as expected',
};

/** What is wrong with the certificates of either side. */
const certificateCauses: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate chain ends in an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is of an unknown authority',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it wants a client certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it refuses the client certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'it refuses the client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not know the authority of the client certificate',
};

/** `connection refused` for an error of a request. */
export function causeText(error: unknown): string {
  const errno = errnoOf(error);
  return (errno === undefined ? undefined : (causes[errno] ?? certificateCauses[errno])) ?? messageOf(error);
}

/** A request that got no answer: `registry-unreachable`, or the caller's abort. */
export function connectionError(
  { method, url, proxy }: { readonly method: string; readonly url: URL; readonly proxy?: URL },
  error: unknown,
  signal: AbortSignal,
): BerthError {
  if (signal.aborted) return abortError(signal, 'ask registry', url.host);
  const through = proxy ? `through the proxy ${proxy.protocol}//${proxy.host}: ` : '';
  return new BerthError('registry-unreachable', {
    op: 'ask registry',
    object: `${method} ${printable(url)}`,
    detail: through + causeText(error),
    ...remedyFor(error, url, proxy),
    cause: error,
  });
}

function remedyFor(error: unknown, { host, protocol }: URL, proxy: URL | undefined): { readonly remedy?: string } {
  // TLS 1.3: who lacks a client certificate learns it after the handshake, and only as an end of the connection.
  if (protocol === 'https:' && error instanceof errors.SocketError && error.socket?.bytesRead === 0) {
    const wanted = `if it wants a client certificate, put client.cert and client.key into certs.d/${registryHost(host)}/`;
    return { remedy: `check the network; ${wanted}` };
  }
  if (Object.hasOwn(certificateCauses, errnoOf(error) ?? '')) {
    const registry = `put its authority into certs.d/${registryHost(host)}/ as ca.crt, and what it wants to see as client.cert and .key`;
    // Which of the two it was the error does not say.
    const other = "; the proxy's goes to the system's authorities, which berthd reads once";
    return { remedy: proxy?.protocol === 'https:' ? registry + other : registry };
  }
  if (!proxy) return {};
  return { remedy: 'check HTTP_PROXY, HTTPS_PROXY and NO_PROXY in the environment of berthd, and the proxy' };
}

/** Whether another try on a fresh connection makes sense. */
export function isReset(error: unknown): boolean {
  const errno = errnoOf(error instanceof BerthError ? error.cause : error);
  return errno !== undefined && ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_BODY_TIMEOUT'].includes(errno);
}
