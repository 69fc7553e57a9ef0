import { type Log, messageOf } from '../../base';
import type { Reference } from '../reference';
import type { RegistryClient } from '../registry';
import { attachedSignatures } from './attachments';
import { lookasideSignatures } from './lookaside';
import { signaturePlaces } from './registries-d';
import type { Signature } from './signature';

export interface SignatureRequest {
  readonly registriesDir: string;
  readonly reference: Reference;
  /** Of the manifest, and of the index that led to it. */
  readonly digests: readonly string[];
  /** The endpoint that served the manifest. */
  readonly client: RegistryClient;
}

/** What was found, and whether the registry was asked at all. */
export interface FoundSignatures {
  readonly signatures: readonly Signature[];
  readonly attachments: boolean;
}

/** Every signature of the image where registries.d says that signatures are: an answer that is none is an error. */
export async function fetchSignatures(request: SignatureRequest, signal: AbortSignal): Promise<FoundSignatures> {
  const { reference, client } = request;
  const { lookaside, attachments } = await signaturePlaces(request.registriesDir, reference);
  const signatures: Signature[] = [];
  for (const digest of new Set(request.digests)) {
    signatures.push(...(await lookasideSignatures(lookaside, reference.path, digest, client, signal)));
    if (attachments) signatures.push(...(await attachedSignatures(client, digest, signal)));
  }
  return { signatures, attachments };
}

/** The same for signatures that nothing depends on yet: what cannot be had is said in the log. */
export async function tryFetchSignatures(
  request: SignatureRequest,
  log: Log,
  signal: AbortSignal,
): Promise<readonly Signature[]> {
  try {
    return (await fetchSignatures(request, signal)).signatures;
  } catch (error) {
    if (signal.aborted) throw error;
    log.warn({ cause: messageOf(error) }, 'signatures that another namespace’s policy asks for cannot be read');
    return [];
  }
}
