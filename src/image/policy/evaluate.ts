import { isBerthError } from '../../base';
import { type Identity, identityAccepted, type SignedIdentity } from './identity';
import { openPgpKeys, sigstoreKeys } from './keys';
import { openSigned } from './openpgp';
import { notAccepted, readClaim } from './payload';
import type { Requirement, SignedBy, SigstoreSigned } from './schema';
import type { Signature } from './signature';
import { checkSigstore } from './sigstore';

/** An image as a policy sees it. */
export interface Candidate {
  /** Undefined for an image without a name. */
  readonly identity: Identity | undefined;
  /** The manifest, and the index that led to it: a signature of either is one of the image. */
  readonly digests: readonly string[];
  readonly signatures: readonly Signature[];
}

/** Why the image is refused; undefined if every requirement is met. Throws `policy-invalid` for a key that cannot be read. */
export async function refusalOf(requirements: readonly Requirement[], image: Candidate): Promise<string | undefined> {
  for (const requirement of requirements) {
    const reason = await refusalBy(requirement, image);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

async function refusalBy(requirement: Requirement, image: Candidate): Promise<string | undefined> {
  switch (requirement.type) {
    case 'insecureAcceptAnything':
      return undefined;
    case 'reject':
      return 'it rejects the image';
    case 'unsupported':
      return `it requires ${requirement.what}, which berth does not support`;
    case 'signedBy':
      return bySimpleSigning(requirement, image);
    case 'sigstoreSigned':
      return bySigstore(requirement, image);
    default:
      return requirement satisfies never;
  }
}

async function bySimpleSigning({ keys, signedIdentity }: SignedBy, image: Candidate): Promise<string | undefined> {
  const known = await openPgpKeys(keys);
  return noneAccepted('signedBy', 'simple', image, async (signature) => {
    if (signature.kind !== 'simple') return;
    checkClaim('simple', await openSigned(signature.message, known), signedIdentity, image);
  });
}

async function bySigstore(requirement: SigstoreSigned, image: Candidate): Promise<string | undefined> {
  const [keys, logs] = await Promise.all([sigstoreKeys(requirement.keys), sigstoreKeys(requirement.rekorKeys)]);
  return noneAccepted('sigstoreSigned', 'sigstore', image, async (signature) => {
    if (signature.kind !== 'sigstore') return;
    checkSigstore(signature, keys, logs);
    checkClaim('sigstore', signature.payload, requirement.signedIdentity, image);
  });
}

function checkClaim(
  kind: 'simple' | 'sigstore',
  payload: Uint8Array,
  rule: SignedIdentity,
  { digests, identity }: Candidate,
): void {
  const { digest, reference } = readClaim(kind, payload);
  if (!digests.includes(digest)) throw notAccepted(`it is for ${digest}`);
  if (!identityAccepted(rule, identity, reference)) {
    throw notAccepted(
      `it is for the name ${JSON.stringify(reference.slice(0, 300))}, which ${rule.type} does not accept`,
    );
  }
}

/** One good signature is enough; else why each one is not. */
async function noneAccepted(
  type: string,
  kind: Signature['kind'],
  { signatures }: Candidate,
  check: (signature: Signature) => Promise<void>,
): Promise<string | undefined> {
  const reasons: string[] = [];
  for (const signature of signatures) {
    if (signature.kind === 'unreadable') {
      reasons.push(signature.reason);
    } else if (signature.kind === kind) {
      try {
        await check(signature);
        return undefined;
      } catch (error) {
        if (!isBerthError(error, 'image-signature')) throw error;
        reasons.push(error.detail);
      }
    }
  }
  if (reasons.length === 0) return `it requires ${type}, and there is no such signature`;
  const said = reasons.slice(0, 5).join('; ');
  return reasons.length === 1
    ? `its signature is not accepted: ${said}`
    : `none of its ${reasons.length} signatures is accepted: ${said}`;
}
