import { BerthError } from '../base';
import { isDigest } from './digest';

/** What of a repository is meant. */
export type Version =
  { readonly kind: 'tag'; readonly tag: string } | { readonly kind: 'digest'; readonly digest: string };

/** A name with its host: `docker.io/library/busybox:latest`. */
export interface Reference {
  readonly kind: 'full';
  /** Host and port as names have it (`docker.io`, not the host that is dialled). */
  readonly host: string;
  readonly path: string;
  readonly version: Version;
}

/** A name without a host: aliases and search registries say what it means. */
export interface ShortReference {
  readonly kind: 'short';
  readonly path: string;
  readonly version: Version;
}

const label = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const hostSyntax = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-f:.]+\\])(?::[0-9]{1,5})?$`);
const componentSyntax = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const tagSyntax = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const nameLimit = 255;

/**
 * Reads an image name as the peers do: the first component is a host only if it has `.` or `:` or is `localhost`;
 * no tag means `latest`; a digest beside a tag wins. Throws `image-reference-invalid`.
 */
export function parseReference(text: string): Reference | ShortReference {
  const fail = (detail: string) =>
    new BerthError('image-reference-invalid', {
      op: 'read image name',
      object: JSON.stringify(text.slice(0, 300)),
      detail,
    });
  if (text === '') throw fail('the name is empty');
  if (text.length > 1024) throw fail('the name is longer than 1024 characters');
  if (text.includes('://')) throw fail('a name has no scheme such as docker:// or https://');
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) {
    throw fail('the digest is not sha256: and 64 hexadecimal digits in lower case');
  }
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !tagSyntax.test(tag)) throw fail(`the tag ${JSON.stringify(tag)} is not valid`);
  const name = colon < 0 ? named : named.slice(0, colon);
  if (name.length > nameLimit) throw fail(`the name is longer than ${nameLimit} characters`);
  const version: Version = digest === undefined ? { kind: 'tag', tag: tag ?? 'latest' } : { kind: 'digest', digest };

  const { host, path } = splitHost(name);
  if (host !== undefined && !hostSyntax.test(host)) throw fail(`${JSON.stringify(host)} is not a host`);
  for (const component of path.split('/')) {
    if (componentSyntax.test(component)) continue;
    if (component === '') throw fail('the name has an empty part');
    if (componentSyntax.test(component.toLowerCase())) throw fail('the repository has to be in lower case');
    throw fail(`the part ${JSON.stringify(component)} of the repository is not valid`);
  }
  if (host !== undefined) return qualify({ kind: 'short', path, version }, host);
  // A bare id would be ambiguous (distribution's reference grammar refuses it for the same reason).
  if (/^[0-9a-f]{64}$/.test(path)) throw fail('64 hexadecimal digits are an id, not a name');
  return { kind: 'short', path, version };
}

/** The short name at a host; Docker Hub's one-part names are its `library`. */
export function qualify(short: ShortReference, host: string): Reference {
  const official = host === 'docker.io' && !short.path.includes('/');
  return { kind: 'full', host, path: official ? `library/${short.path}` : short.path, version: short.version };
}

/** `host/path`, without tag or digest. */
export function repositoryOf(reference: Reference): string {
  return `${reference.host}/${reference.path}`;
}

/** The normalised text of a name. */
export function textOf(reference: Reference | ShortReference): string {
  const name = reference.kind === 'full' ? repositoryOf(reference) : reference.path;
  const { version } = reference;
  return version.kind === 'tag' ? `${name}:${version.tag}` : `${name}@${version.digest}`;
}

function splitHost(name: string): { host: string | undefined; path: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash).toLowerCase();
  if (!/[.:]/.test(first) && first !== 'localhost') return { host: undefined, path: name };
  return { host: first === 'index.docker.io' ? 'docker.io' : first, path: name.slice(slash + 1) };
}
