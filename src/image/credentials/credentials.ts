export interface BasicCredentials {
  readonly kind: 'basic';
  readonly username: string;
  readonly password: string;
}

/** What proves who asks. Never logged, never part of an error. */
export type Credentials =
  | { readonly kind: 'none' }
  | BasicCredentials
  /** A refresh token for the registry's token server; the name beside it may be empty. */
  | { readonly kind: 'identity'; readonly username: string; readonly token: string }
  /** Sent to the registry as it is. */
  | { readonly kind: 'bearer'; readonly token: string };

export const noCredentials: Credentials = { kind: 'none' };

/** `user:password` out of its base64, or undefined if it is not that. */
export function decodeBasic(auth: string): BasicCredentials | undefined {
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon <= 0) return undefined;
  // Some writers pad with NUL, which docker trims too.
  return { kind: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
}

/** The value of a Basic Authorization header. */
export function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** The host of a key or server address: without scheme, API version and the aliases of Docker Hub. */
export function registryHost(address: string): string {
  const bare = address.replace(/^https?:\/\//i, '');
  const host = bare.split('/')[0]?.toLowerCase() ?? '';
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}
