import { silentLog } from '../../../src/base';
import { readEnvironment } from '../../../src/config';
import type { Credentials } from '../../../src/image/credentials';
import { type ClientOptions, createHttp, endpointOf, Meter, RegistryClient } from '../../../src/image/registry';
import type { FakeRegistry } from './fake-registry';

interface Choices extends Partial<Pick<ClientOptions, 'last' | 'onBytes'>> {
  readonly credentials?: Credentials;
  readonly insecure?: boolean;
  readonly progressTimeoutMs?: number;
}

/** A client of the repository `app`, with no patience to speak of, without a proxy or certificates. */
export function clientOf({ host }: Pick<FakeRegistry, 'host'>, choices: Choices = {}) {
  const { credentials = { kind: 'none' }, insecure = true, progressTimeoutMs = 0, last = true, onBytes } = choices;
  const http = createHttp(readEnvironment({}), []);
  const meter = new Meter(host, progressTimeoutMs);
  const client = new RegistryClient({
    http,
    endpoint: endpointOf({ kind: 'primary', host, path: 'app', insecure }),
    credentials,
    patience: { attempts: 5, firstWaitMs: 5, maxWaitMs: 1000 },
    last,
    meter,
    log: silentLog(),
    ...(onBytes && { onBytes }),
  });
  return {
    client,
    meter,
    /** The manifest `latest`. */
    manifest: (signal = new AbortController().signal) => client.manifest({ kind: 'tag', tag: 'latest' }, signal),
    /** A blob's bytes. */
    async read(digest: string, size: number, more: { mediaType?: string; urls?: string[] } = {}) {
      const signal = AbortSignal.any([meter.stalled]);
      const chunks: Buffer[] = [];
      for await (const chunk of await client.blob({ mediaType: '', digest, size, ...more }, signal)) {
        chunks.push(chunk as Buffer);
      }
      return Buffer.concat(chunks);
    },
    [Symbol.asyncDispose]: () => http.close(),
  };
}
