import type { PartialConfig, PublicKey } from 'openpgp';
import { messageOf } from '../../base';
import { notAccepted } from './payload';

/** What is signed is some hundred bytes of JSON: a message that inflates to more is a bomb. Bytes. */
const payloadLimit = 1024 * 1024;

const config: PartialConfig = { maxDecompressedMessageSize: payloadLimit };

// Half a megabyte of program: only machines with such a policy load it.
const library = () => import('openpgp');

/** The public keys of a file: binary, or any number of armored blocks as gpg imports them. Throws what the library throws. */
export async function readOpenPgpKeys(bytes: Buffer): Promise<readonly PublicKey[]> {
  const { readKeys } = await library();
  const blocks = bytes.toString('latin1').match(/-----BEGIN PGP [^-]+-----.*?-----END PGP [^-]+-----/gs);
  const keys = blocks
    ? (await Promise.all(blocks.map((block) => readKeys({ armoredKeys: block })))).flat()
    : await readKeys({ binaryKeys: new Uint8Array(bytes) });
  return keys.map((key) => key.toPublic());
}

/**
 * What an inline-signed message signs, if exactly one of the keys has signed it. As with gpgme, whether key and
 * signature have expired or are revoked is asked of now, not of when it was signed. Throws `image-signature`.
 */
export async function openSigned(message: Buffer, keys: readonly PublicKey[], now = new Date()): Promise<Buffer> {
  const { readMessage, verify } = await library();
  try {
    const parsed = await readMessage({ binaryMessage: new Uint8Array(message), config });
    const verificationKeys = [...keys];
    const result = await verify({ message: parsed, verificationKeys, format: 'binary', date: now, config });
    const [signature, ...others] = result.signatures;
    if (!signature || others.length > 0) throw notAccepted(`it has ${result.signatures.length} signatures, not one`);
    await signature.verified;
    const signer = keys.find((key) => key.getKeys(signature.keyID).length > 0);
    if (!signer) throw notAccepted(`it is signed by the unknown key ${signature.keyID.toHex().toUpperCase()}`);
    await signer.verifyPrimaryKey(now);
    await signer.getSigningKey(signature.keyID, now);
    // The type also has streams, which only a streamed message gives.
    const data: unknown = result.data;
    if (!(data instanceof Uint8Array)) throw notAccepted('what it signs is not bytes');
    if (data.length > payloadLimit) throw notAccepted(`it signs more than ${payloadLimit} bytes`);
    return Buffer.from(data);
  } catch (error) {
    throw notAccepted(`by OpenPGP: ${messageOf(error)}`, error);
  }
}
