import { z } from 'zod';
import { BerthError, messageOf, firstIssue } from '../../base';
import { isDigest } from '../digest';
import { parseStrictJson } from './strict-json';

/** What a signature says is signed. */
export interface Claim {
  readonly digest: string;
  /** The name that its signer gave the image. */
  readonly reference: string;
}

// containers/image, docs/containers-signature.5.md: the same for both kinds but for the type's text.
const claimOf = (type: string) =>
  z.strictObject({
    critical: z.strictObject({
      type: z.literal(type),
      image: z.strictObject({ 'docker-manifest-digest': z.string().refine(isDigest, 'is not a sha256 digest') }),
      identity: z.strictObject({ 'docker-reference': z.string() }),
    }),
    optional: z.looseObject({ creator: z.string().optional(), timestamp: z.number().int().optional() }).nullable(),
  });

const claims = {
  simple: claimOf('atomic container signature'),
  sigstore: claimOf('cosign container image signature'),
} as const;

/** Reads what was signed, once its signature is known to be right. Throws `image-signature`. */
export function readClaim(kind: keyof typeof claims, payload: Uint8Array): Claim {
  let document: unknown;
  try {
    document = parseStrictJson(payload);
  } catch (error) {
    throw notAccepted(`what it signs is not JSON as it should be: ${messageOf(error)}`, error);
  }
  const result = claims[kind].safeParse(document);
  if (!result.success) throw notAccepted(`what it signs is wrong: ${firstIssue(result.error)}`, result.error);
  const { image, identity } = result.data.critical;
  return { digest: image['docker-manifest-digest'], reference: identity['docker-reference'] };
}

/** Why one signature does not count; the image is refused only if no other does. */
export function notAccepted(detail: string, cause?: unknown): BerthError {
  return new BerthError('image-signature', { op: 'check signature', detail, cause });
}
