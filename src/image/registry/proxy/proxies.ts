import { BerthError } from '../../../base';
import type { ProxyEnvironment } from '../../../config';
import { parseNoProxy } from './no-proxy';

/** Says which proxy an address is reached through; undefined is straight. */
export type ChooseProxy = (url: URL) => URL | undefined;

/** HTTP_PROXY for http, HTTPS_PROXY for https, NO_PROXY and loopback for neither. Throws `config-invalid`. */
export function proxiesOf({ http, https, no }: ProxyEnvironment): ChooseProxy {
  const forHttp = proxyOf('HTTP_PROXY', http);
  const forHttps = proxyOf('HTTPS_PROXY', https);
  const straight = parseNoProxy(no);
  return (url) => {
    const proxy = url.protocol === 'https:' ? forHttps : forHttp;
    return proxy && !straight(url) ? proxy : undefined;
  };
}

function proxyOf(variable: string, text: string): URL | undefined {
  if (text === '') return undefined;
  const address = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '') return url;
  throw new BerthError('config-invalid', {
    op: 'read the environment',
    object: variable,
    // Its value may hold a password.
    detail: 'it is not an http or https address',
    remedy: 'set it to http://host:port and start berthd again',
  });
}
