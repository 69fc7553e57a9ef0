import { isBerthError } from '../../base';
import { parseReference, qualify, type Reference, repositoryOf } from '../reference';

/** Which names a signature may carry (containers-policy.json(5), "signedIdentity"). */
export type SignedIdentity =
  | { readonly type: 'matchExact' | 'matchRepoDigestOrExact' | 'matchRepository' }
  | { readonly type: 'exactReference'; readonly dockerReference: string }
  | { readonly type: 'exactRepository'; readonly dockerRepository: string }
  | { readonly type: 'remapIdentity'; readonly prefix: string; readonly signedPrefix: string };

/** A name in two parts: `host/path`, and `:tag`, `@digest`, both or nothing. */
export interface Identity {
  readonly repository: string;
  readonly version: string;
}

/** Reads the name in a signature or a policy; nothing is added to it but Docker Hub's host. Undefined if it is no name. */
export function readIdentity(text: string): Identity | undefined {
  try {
    const parsed = parseReference(text);
    const reference = parsed.kind === 'full' ? parsed : qualify(parsed, 'docker.io');
    const name = text.slice(text.lastIndexOf('/') + 1);
    const version = /[:@].*$/s.exec(name)?.[0] ?? '';
    return { repository: repositoryOf(reference), version };
  } catch (error) {
    if (isBerthError(error, 'image-reference-invalid')) return undefined;
    throw error;
  }
}

/** The name that an image was asked for by. */
export function identityOf(reference: Reference): Identity {
  const { version } = reference;
  return {
    repository: repositoryOf(reference),
    version: version.kind === 'tag' ? `:${version.tag}` : `@${version.digest}`,
  };
}

/** Whether a signature of this name is one for the image; an image without a name is only what the policy itself names. */
export function identityAccepted(rule: SignedIdentity, intended: Identity | undefined, signedText: string): boolean {
  const signed = readIdentity(signedText);
  if (!signed) return false;
  switch (rule.type) {
    case 'matchExact':
      return sameReference(intended, signed);
    case 'matchRepoDigestOrExact':
      return sameOrByDigest(intended, signed);
    case 'matchRepository':
      return signed.repository === intended?.repository;
    case 'exactReference':
      return sameReference(readIdentity(rule.dockerReference), signed);
    case 'exactRepository':
      return signed.repository === readIdentity(rule.dockerRepository)?.repository;
    case 'remapIdentity':
      return sameOrByDigest(intended && remapped(intended, rule), signed);
    default:
      return rule satisfies never;
  }
}

function sameReference(intended: Identity | undefined, signed: Identity): boolean {
  return signed.version !== '' && signed.version === intended?.version && signed.repository === intended.repository;
}

// Whose digest was asked for is compared by digest anyhow: the tag in the signature says nothing more.
function sameOrByDigest(intended: Identity | undefined, signed: Identity): boolean {
  if (intended?.version.startsWith('@')) return signed.version !== '' && signed.repository === intended.repository;
  return sameReference(intended, signed);
}

function remapped(
  { repository, version }: Identity,
  { prefix, signedPrefix }: { readonly prefix: string; readonly signedPrefix: string },
): Identity {
  const applies = repository === prefix || repository.startsWith(`${prefix}/`);
  return { repository: applies ? signedPrefix + repository.slice(prefix.length) : repository, version };
}
