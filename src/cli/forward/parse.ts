import { isIP } from 'node:net';
import { usageError } from '../failure';
import { parsePort } from '../ports';

/** A port of this machine that leads to one of a pod. */
export interface ForwardedPort {
  /** 0 for a free one. */
  readonly local: number;
  readonly remote: number;
}

/** `80` for the same port here, `8080:80`, `:80` or `0:80` for a free one. */
export function parseForward(text: string): ForwardedPort {
  const [first = '', second, ...more] = text.split(':');
  const remote = parsePort(second ?? first);
  const local = second === undefined ? remote : first === '' ? 0 : parsePort(first);
  if (more.length > 0 || !remote || local === undefined) {
    throw usageError(
      `${JSON.stringify(text)}: use [LOCAL:]REMOTE with ports from 1 to 65535; :REMOTE takes a free one`,
    );
  }
  return { local, remote };
}

/** The addresses to listen on. */
export function parseAddresses(texts: readonly string[]): string[] {
  for (const text of texts) {
    if (isIP(text) === 0)
      throw usageError(`--address ${JSON.stringify(text)}: an IP address of this machine is needed`);
  }
  return [...new Set(texts)];
}
