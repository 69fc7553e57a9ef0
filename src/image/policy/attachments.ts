import { z } from 'zod';
import { BerthError, isBerthError, firstIssue } from '../../base';
import { isDigest } from '../digest';
import { readDocument } from '../manifest';
import type { RegistryClient } from '../registry';
import { SignatureBudget } from './budget';
import { cosignMediaType, type Signature } from './signature';

const attachment = z.object({
  layers: z.array(
    z.object({
      mediaType: z.string(),
      digest: z.string().refine(isDigest, 'is not sha256: and 64 hexadecimal digits'),
      size: z.number().int().min(0),
      annotations: z.record(z.string(), z.string()).nullish(),
    }),
  ),
});

/** The signatures that cosign has put into the repository under the tag `sha256-<hex>.sig`; none if there is no such tag. */
export async function attachedSignatures(
  client: RegistryClient,
  digest: string,
  signal: AbortSignal,
): Promise<readonly Signature[]> {
  const tag = `${digest.replace(':', '-')}.sig`;
  let bytes: Buffer;
  try {
    ({ bytes } = await client.manifest({ kind: 'tag', tag }, signal));
  } catch (error) {
    if (isBerthError(error, 'manifest-not-found')) return [];
    throw error;
  }
  const result = attachment.safeParse(readDocument(bytes, tag));
  if (!result.success) throw invalid(tag, firstIssue(result.error), result.error);
  const layers = result.data.layers.filter(({ mediaType }) => mediaType === cosignMediaType);
  const budget = new SignatureBudget(tag);
  const found: Signature[] = [];
  for (const layer of layers) {
    budget.take(layer.size);
    const payload = await client.document(layer, signal);
    if (payload.length !== layer.size)
      throw invalid(tag, `${layer.digest} has not the ${layer.size} bytes that it says`);
    found.push({ kind: 'sigstore', payload, annotations: layer.annotations ?? {} });
  }
  return found;
}

function invalid(object: string, detail: string, cause?: unknown): BerthError {
  return new BerthError('manifest-invalid', { op: 'read signatures', object, detail, cause });
}
