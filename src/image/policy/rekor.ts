import { createHash, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import { messageOf, firstIssue } from '../../base';
import { notAccepted } from './payload';
import { parseStrictJson } from './strict-json';

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'));

// cosign's bundle: the log's promise to have the entry, and the entry (sigstore, "Signed Entry Timestamp").
const bundle = z.strictObject({
  SignedEntryTimestamp: base64,
  Payload: z.strictObject({
    body: z.base64(),
    integratedTime: z.number().int(),
    logIndex: z.number().int(),
    logID: z.string(),
  }),
});

// rekor's hashedrekord 0.0.1, the entry that cosign makes.
const entry = z.object({
  apiVersion: z.literal('0.0.1'),
  kind: z.literal('hashedrekord'),
  spec: z.object({
    data: z.object({ hash: z.object({ algorithm: z.literal('sha256'), value: z.string() }) }),
    signature: z.object({ content: base64, publicKey: z.object({ content: base64 }) }),
  }),
});

/** What the log's entry has to be about. */
export interface Logged {
  readonly payload: Buffer;
  readonly signature: Buffer;
  readonly key: KeyObject;
}

/** Checks that one of these logs has promised to hold exactly this signature. Throws `image-signature`. */
export function checkLogged(bundleText: string, logs: readonly KeyObject[], { payload, signature, key }: Logged): void {
  const { Payload, SignedEntryTimestamp } = readStrict('the log bundle', Buffer.from(bundleText), bundle);
  // Canonical JSON (RFC 8785) of these four: sorted keys, no spaces; integers and plain text are as JSON.stringify has them.
  const { body, integratedTime, logID, logIndex } = Payload;
  const promised = Buffer.from(JSON.stringify({ body, integratedTime, logID, logIndex }));
  if (!logs.some((log) => verify('sha256', promised, log, SignedEntryTimestamp))) {
    throw notAccepted('the log bundle is not signed by a Rekor key of the policy');
  }
  const { spec } = readStrict('the log entry', Buffer.from(body, 'base64'), entry);
  if (!derOf(spec.signature.publicKey.content).equals(key.export({ type: 'spki', format: 'der' }))) {
    throw notAccepted('the log entry is of another key');
  }
  if (!spec.signature.content.equals(signature)) throw notAccepted('the log entry is of another signature');
  if (spec.data.hash.value !== createHash('sha256').update(payload).digest('hex')) {
    throw notAccepted('the log entry is of another payload');
  }
}

function readStrict<T extends z.ZodType>(what: string, bytes: Buffer, schema: T): z.output<T> {
  let document: unknown;
  try {
    document = parseStrictJson(bytes);
  } catch (error) {
    throw notAccepted(`${what} is not JSON as it should be: ${messageOf(error)}`, error);
  }
  const result = schema.safeParse(document);
  if (!result.success) throw notAccepted(`${what} is wrong: ${firstIssue(result.error)}`, result.error);
  return result.data;
}

function derOf(pem: Buffer): Buffer {
  const text = /^\s*-----BEGIN [A-Z ]+-----([A-Za-z0-9+/=\s]*)-----END [A-Z ]+-----\s*$/.exec(
    pem.toString('latin1'),
  )?.[1];
  if (text === undefined) throw notAccepted('the key of the log entry is not in PEM');
  return Buffer.from(text, 'base64');
}
