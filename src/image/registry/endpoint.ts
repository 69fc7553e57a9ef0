import type { PullSource } from '../registries-conf';

/** A registry's address and the repository there. */
export interface Endpoint extends PullSource {
  /** Origins to try: https first, then http if the registry is insecure. */
  readonly origins: readonly URL[];
}

/** Where a source is dialled: Docker Hub answers under another name than its own. */
export function endpointOf(source: PullSource): Endpoint {
  const host = source.host === 'docker.io' ? 'registry-1.docker.io' : source.host;
  const schemes = source.insecure ? ['https', 'http'] : ['https'];
  return { ...source, origins: schemes.map((scheme) => new URL(`${scheme}://${host}`)) };
}

/** The endpoint of a bare address. */
export function endpointAt({ origin, host }: URL): Endpoint {
  return { kind: 'primary', host, path: '', insecure: false, origins: [new URL(origin)] };
}

/** An http or https address, or undefined. */
export function httpUrl(text: string, base?: URL): URL | undefined {
  if (!URL.canParse(text, base?.href)) return undefined;
  const url = new URL(text, base);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}

/** An address for messages: no query (pre-signed URLs carry secrets there) and no user. */
export function printable(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
