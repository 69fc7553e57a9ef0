import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { checkLogged } from './rekor';
import { notAccepted } from './payload';
import type { Signature } from './signature';

const signatureAnnotation = 'dev.cosignproject.cosign/signature';
const bundleAnnotation = 'dev.sigstore.cosign/bundle';

const keyTypes = new Set(['ec', 'rsa', 'ed25519']);

/** A public key in PEM, of a kind that cosign signs with. Throws what node:crypto throws. */
export function readSigstoreKey(bytes: Buffer): KeyObject {
  if (!/-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(bytes.toString('latin1')))
    throw new SyntaxError('it is no public key in PEM');
  const key = createPublicKey(bytes);
  if (!keyTypes.has(key.asymmetricKeyType ?? ''))
    throw new SyntaxError(`a key of type ${key.asymmetricKeyType} is not used`);
  return key;
}

/**
 * Checks that one of the keys has signed the payload, and if logs are given that one of them knows it. Throws
 * `image-signature`.
 */
export function checkSigstore(
  { payload, annotations }: Extract<Signature, { kind: 'sigstore' }>,
  keys: readonly KeyObject[],
  logs: readonly KeyObject[],
): void {
  const text = annotations[signatureAnnotation];
  if (text === undefined) throw notAccepted(`it has no annotation ${signatureAnnotation}`);
  const signature = Buffer.from(text, 'base64');
  if (signature.toString('base64') !== text) throw notAccepted('it is not base64');
  const key = keys.find((candidate) => signedWith(candidate, payload, signature));
  if (!key) throw notAccepted(keys.length === 1 ? 'it is not by the key' : `it is by none of the ${keys.length} keys`);
  if (logs.length === 0) return;
  const bundle = annotations[bundleAnnotation];
  if (bundle === undefined)
    throw notAccepted(`it has no annotation ${bundleAnnotation}, and the policy has a Rekor key`);
  checkLogged(bundle, logs, { payload, signature, key });
}

// cosign hashes by SHA-256 whatever the curve or the modulus; Ed25519 has a hash of its own.
function signedWith(key: KeyObject, payload: Buffer, signature: Buffer): boolean {
  return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', payload, key, signature);
}
