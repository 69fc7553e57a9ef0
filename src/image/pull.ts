import { abortError, anySignal, BerthError, isBerthError, messageOf, stage } from '../base';
import type { ImageRecord } from '../state';
import type { Keychain, PullKeys } from './credentials';
import { install, type InstallDeps, type ImageContent } from './install';
import type { Names } from './names';
import type { Platform } from './platform';
import type { Admission } from './policy';
import type { PullProgress } from './pulls';
import { type Reference, repositoryOf, textOf } from './reference';
import { type PullSource, pullSources, type RegistriesConf } from './registries-conf';
import { endpointOf, type Http, Meter, type Patience, RegistryClient } from './registry';
import { resolveContent } from './resolve';

export interface PullDeps extends InstallDeps {
  readonly http: Http;
  readonly patience: Patience;
  readonly platform: Platform;
  readonly keychain: Pick<Keychain, 'find'>;
  /** The signature policy, for the pods of one namespace. */
  readonly admission: Admission;
  /** Waiting for an endpoint that sends next to nothing; 0 is for ever. Milliseconds. */
  readonly progressTimeoutMs: number;
  /** Of this pull. */
  readonly progress: PullProgress;
}

/** One pull of one full name: the mirrors in order, then the registry; all content from the one that has the manifest. */
export async function pullImage(
  deps: PullDeps,
  conf: RegistriesConf,
  reference: Reference,
  keys: PullKeys,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const sources = pullSources(conf, reference);
  const failures: { readonly host: string; readonly error: BerthError }[] = [];
  for (const [at, source] of sources.entries()) {
    const meter = new Meter(source.host, deps.progressTimeoutMs);
    deps.progress.ask(source.host);
    try {
      const job = anySignal(signal, meter.stalled);
      const client = await clientFor(
        deps,
        conf,
        reference,
        keys,
        { source, last: at === sources.length - 1, meter },
        job,
      );
      const content = await fetchContent(deps, client, reference, job);
      return await install(deps, content, namesOf(reference, content), job);
    } catch (caught) {
      const error: unknown = meter.stalled.aborted ? meter.stalled.reason : caught;
      // Only what the endpoint did is another endpoint's chance.
      if (signal.aborted) throw abortError(signal, 'pull', textOf(reference));
      if (!isBerthError(error) || !isEndpointFailure(error)) throw asPullError(error, reference);
      deps.log.info({ image: textOf(reference), endpoint: source.host, cause: messageOf(error) }, 'endpoint fails');
      failures.push({ host: source.host, error });
    }
  }
  throw endpointsError(failures, reference);
}

/** One of the places that are tried. */
interface Attempt {
  readonly source: PullSource;
  readonly last: boolean;
  readonly meter: Meter;
}

async function clientFor(
  { http, patience, log, keychain, progress }: PullDeps,
  conf: RegistriesConf,
  reference: Reference,
  keys: PullKeys,
  { source, last, meter }: Attempt,
  signal: AbortSignal,
): Promise<RegistryClient> {
  const wanted = { ...source, namedHost: reference.host, helpers: conf.credentialHelpers };
  const credentials = await stage('look for credentials', () => keychain.find(keys, wanted, signal));
  const onBytes = (digest: string, bytes: number) => progress.received(digest, bytes);
  return new RegistryClient({ http, endpoint: endpointOf(source), credentials, patience, last, meter, log, onBytes });
}

async function fetchContent(
  deps: PullDeps,
  client: RegistryClient,
  reference: Reference,
  signal: AbortSignal,
): Promise<ImageContent> {
  const { version } = reference;
  const top = await stage('fetch manifest', () => client.manifest(version, signal));
  return resolveContent(
    {
      admit: (digests, inner) =>
        stage('ask the signature policy', () => deps.admission.admit(reference, digests, client, inner)),
      manifest: ({ digest }, inner) =>
        stage('fetch manifest', () => client.manifest({ kind: 'digest', digest }, inner), { object: digest }),
      config: (descriptor, inner) => stage('fetch config', () => client.document(descriptor, inner)),
      layer: (layer, inner) => client.blob(layer, inner),
    },
    top,
    deps.platform,
    signal,
  );
}

// A digest says itself what was meant; a tag stands for the index and the manifest that it led to.
function namesOf(reference: Reference, content: ImageContent): Names {
  const repository = repositoryOf(reference);
  if (reference.version.kind === 'digest') return { repoTags: [], repoDigests: [textOf(reference)] };
  const digests = [content.documents[0]?.digest ?? content.manifestDigest, content.manifestDigest];
  return {
    repoTags: [textOf(reference)],
    repoDigests: [...new Set(digests)].map((digest) => `${repository}@${digest}`),
  };
}

function isEndpointFailure({ code }: BerthError): boolean {
  return (
    code.startsWith('registry-') ||
    code === 'manifest-not-found' ||
    code === 'manifest-invalid' ||
    code === 'digest-mismatch'
  );
}

function endpointsError(failures: readonly { host: string; error: BerthError }[], reference: Reference): BerthError {
  const last = failures.at(-1);
  if (!last) throw new RangeError('a pull without endpoints');
  if (failures.length === 1) return asPullError(last.error, reference);
  return new BerthError(last.error.code, {
    op: 'pull',
    object: textOf(reference),
    detail: failures.map(({ host, error }) => `${host}: ${detailOf(error)}`).join('; '),
    remedy: last.error.remedy,
    cause: new AggregateError(failures.map(({ error }) => error)),
  });
}

/** The same error, told of the pull: what was asked for stands before what happened. */
function asPullError(error: unknown, reference: Reference): BerthError {
  if (!isBerthError(error)) {
    return new BerthError('internal', {
      op: 'pull',
      object: textOf(reference),
      detail: messageOf(error),
      cause: error,
    });
  }
  if (error.op === 'pull') return error;
  const { code, remedy } = error;
  return new BerthError(code, { op: 'pull', object: textOf(reference), detail: detailOf(error), remedy, cause: error });
}

function detailOf(error: BerthError): string {
  return error.object === undefined ? error.detail : `${error.object}: ${error.detail}`;
}
