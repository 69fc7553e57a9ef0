import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { BerthError, errnoOf, messageOf } from '../../base';
import { fetchFile, type RegistryClient } from '../registry';
import { SignatureBudget } from './budget';
import { decodeSignature, signatureLimit, type Signature } from './signature';

/**
 * The signatures of a document beside the registry: `<base>/<repository>@sha256=<hex>/signature-1` and on until one is not
 * there (containers/image, docs/signature-protocols.md). Anything but "not there" is an error: it does not mean unsigned.
 */
export async function lookasideSignatures(
  base: URL,
  path: string,
  digest: string,
  client: RegistryClient,
  signal: AbortSignal,
): Promise<readonly Signature[]> {
  const folder = `${base.href.replace(/\/+$/, '')}/${path}@${digest.replace(':', '=')}`;
  const budget = new SignatureBudget(folder);
  const found: Signature[] = [];
  for (;;) {
    const url = new URL(`${folder}/signature-${found.length + 1}`);
    const bytes =
      url.protocol === 'file:'
        ? await readFileIfThere(fileURLToPath(url))
        : await fetchFile(client.options, url, signatureLimit, signal);
    if (!bytes) return found;
    budget.take(bytes.length);
    found.push(decodeSignature(bytes));
  }
}

async function readFileIfThere(path: string): Promise<Buffer | undefined> {
  const fail = (detail: string, cause?: unknown) =>
    new BerthError('config-unreadable', { op: 'read signatures', object: path, detail, cause });
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > signatureLimit) throw fail(`its ${size} bytes are more than ${signatureLimit}`);
    return await file.readFile();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error instanceof BerthError ? error : fail(messageOf(error), error);
  }
}
