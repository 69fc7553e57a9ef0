import { z } from 'zod';
import { messageOf } from '../../base';
import { parseStrictJson } from './strict-json';

/** The largest signature that is read (facts: 4 MiB, as the peers have it). Bytes. */
export const signatureLimit = 4 * 1024 * 1024;

/** How many signatures of one image are looked at, as in containers/image: a server may serve without end. */
export const signatureCount = 128;

export const cosignMediaType = 'application/vnd.dev.cosign.simplesigning.v1+json';

/** A signature as it was found; nothing of it is known to be true. */
export type Signature =
  | { readonly kind: 'simple'; readonly message: Buffer }
  | {
      readonly kind: 'sigstore';
      readonly payload: Buffer;
      readonly annotations: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'unreadable'; readonly reason: string };

const sigstore = z.object({
  mimeType: z.literal(cosignMediaType, 'it is no signature of an image'),
  payload: z.base64(),
  annotations: z.record(z.string(), z.string()).nullable(),
});

const sigstoreMark = Buffer.from('\0sigstore-json\n');
const simpleMark = Buffer.from('\0simple-signing\n');

/** The form that lookaside stores have, as bytes; berth keeps signatures in it too. */
export function encodeSignature(signature: Exclude<Signature, { kind: 'unreadable' }>): Buffer {
  switch (signature.kind) {
    case 'simple':
      return signature.message;
    case 'sigstore': {
      const { payload, annotations } = signature;
      const json = { mimeType: cosignMediaType, payload: payload.toString('base64'), annotations };
      return Buffer.concat([sigstoreMark, Buffer.from(JSON.stringify(json))]);
    }
    default:
      return signature satisfies never;
  }
}

/** Reads a lookaside file: OpenPGP, or another kind behind a zero byte and its name. Never throws. */
export function decodeSignature(bytes: Buffer): Signature {
  if (bytes[0] !== 0) return { kind: 'simple', message: bytes };
  if (startsWith(bytes, simpleMark)) return { kind: 'simple', message: bytes.subarray(simpleMark.length) };
  if (!startsWith(bytes, sigstoreMark)) return { kind: 'unreadable', reason: 'it is of an unknown kind' };
  try {
    const parsed = sigstore.parse(parseStrictJson(bytes.subarray(sigstoreMark.length)));
    const { payload, annotations } = parsed;
    return { kind: 'sigstore', payload: Buffer.from(payload, 'base64'), annotations: annotations ?? {} };
  } catch (error) {
    return { kind: 'unreadable', reason: `it cannot be read: ${messageOf(error).slice(0, 200)}` };
  }
}

function startsWith(bytes: Buffer, mark: Buffer): boolean {
  return bytes.subarray(0, mark.length).equals(mark);
}
