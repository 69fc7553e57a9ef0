import { BerthError, type ErrorCode, isBerthError, type Log } from '../../base';
import { sha256Digest } from '../../storage';
import { type Reference, textOf } from '../reference';
import type { RegistryClient } from '../registry';
import { refusalOf } from './evaluate';
import { fetchSignatures, type SignatureRequest, tryFetchSignatures } from './fetch';
import { identityOf } from './identity';
import { kindsOf, type Policies, type PolicyInForce } from './policies';
import { acceptsAnything, ruleFor } from './scopes';
import { encodeSignature, type Signature } from './signature';

/** A signature as it is kept beside the image. */
export interface KeptSignature {
  readonly digest: string;
  readonly bytes: Buffer;
}

/** Decides whether images may be pulled for the pods of one namespace. */
export interface Admission {
  /**
   * Called when the manifest of an image is known and nothing else has been fetched of it. `digests` are its own and
   * that of the index which led to it; the name is the one that was asked for, whatever mirror serves it. Gives the
   * signatures to keep. Throws `image-signature` for an image that the policy refuses.
   */
  admit(
    reference: Reference,
    digests: readonly string[],
    client: RegistryClient,
    signal: AbortSignal,
  ): Promise<readonly KeptSignature[]>;
}

/** Reads the policy of the namespace, now. Throws `policy-invalid`. */
export async function openAdmission(
  policies: Policies,
  registriesDir: string,
  namespace: string,
  log: Log,
): Promise<Admission> {
  const inForce = await policies.read(namespace);
  return {
    async admit(reference, digests, client, signal) {
      const request: SignatureRequest = { registriesDir, reference, digests, client };
      if (acceptsAnything(ruleFor(inForce.policy, reference))) {
        if ((await policies.kindsOfAll(reference)).size === 0) return [];
        return kept(await tryFetchSignatures(request, log, signal));
      }
      return kept(await decide(inForce, request, signal));
    },
  };
}

async function decide(
  { policy, path }: PolicyInForce,
  request: SignatureRequest,
  signal: AbortSignal,
): Promise<readonly Signature[]> {
  const { reference, digests } = request;
  const { requirements, key } = ruleFor(policy, reference);
  const identity = identityOf(reference);
  const refuse = (reason: string, remedy?: string, cause?: unknown) =>
    new BerthError('image-signature', {
      op: 'pull',
      object: textOf(reference),
      detail: `${path}, ${key}: ${reason}`,
      ...(remedy !== undefined && { remedy }),
      cause,
    });
  // What no signature can change is said before any is asked for.
  const reject = requirements.filter(({ type }) => type === 'reject' || type === 'unsupported');
  const final = await refusalOf(reject, { identity, digests, signatures: [] });
  if (final !== undefined) throw refuse(final);
  let found: Awaited<ReturnType<typeof fetchSignatures>>;
  try {
    found = await fetchSignatures(request, signal);
  } catch (error) {
    // What cannot be read is not unsigned; and another mirror would be asked for the same.
    if (signal.aborted || !isBerthError(error) || own.has(error.code)) throw error;
    const what = error.object === undefined ? error.detail : `${error.object}: ${error.detail}`;
    throw refuse(
      `its signatures cannot be read: ${what}`,
      'see where registries.d says that they are, and pull again',
      error,
    );
  }
  const reason = await refusalOf(requirements, { identity, digests, signatures: found.signatures });
  if (reason === undefined) return found.signatures;
  const unasked = kindsOf(requirements).has('sigstore') && !found.attachments;
  throw refuse(reason, unasked ? 'set use-sigstore-attachments for it in registries.d, or sign the image' : undefined);
}

/** Errors that name a file of this machine: they are told as they are. */
const own: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['config-invalid', 'policy-invalid', 'call-cancelled']);

function kept(signatures: readonly Signature[]): readonly KeptSignature[] {
  return signatures
    .filter((signature) => signature.kind !== 'unreadable')
    .map(encodeSignature)
    .map((bytes) => ({ digest: sha256Digest(bytes), bytes }));
}
