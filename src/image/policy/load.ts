import { readFile, stat } from 'node:fs/promises';
import { BerthError, errnoOf, fileStamp, firstIssue, messageOf } from '../../base';
import { type Policy, policyFile } from './schema';
import { parseStrictJson } from './strict-json';

const op = 'read the signature policy';

/** A policy larger than this is none. Bytes. */
const sizeLimit = 4 * 1024 * 1024;

/** Reads a policy file; undefined if there is none. Throws `policy-invalid` with the file and the key. */
export async function readPolicy(path: string): Promise<Policy | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw invalid(path, messageOf(error), error);
  }
  return parsePolicy(path, bytes);
}

/** One file's bytes against the schema. Throws `policy-invalid`. */
export function parsePolicy(path: string, bytes: Uint8Array): Policy {
  if (bytes.length > sizeLimit) throw invalid(path, `${bytes.length} bytes are more than ${sizeLimit}`);
  let document: unknown;
  try {
    document = parseStrictJson(bytes);
  } catch (error) {
    throw invalid(path, messageOf(error), error);
  }
  const result = policyFile.safeParse(document);
  if (!result.success) throw invalid(path, firstIssue(result.error), result.error);
  return result.data;
}

/** A policy that has to be there and is not. */
export function missingPolicy(path: string): BerthError {
  return new BerthError('policy-invalid', {
    op,
    object: path,
    detail: 'the configuration names it and it does not exist',
    remedy: 'write it, or take image.signature_policy out of berth.toml',
  });
}

/** What changes whenever the file does; the empty text if it is not there. */
export async function stampOf(path: string): Promise<string> {
  try {
    return fileStamp(await stat(path, { bigint: true }));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw invalid(path, messageOf(error), error);
  }
}

function invalid(object: string, detail: string, cause?: unknown): BerthError {
  return new BerthError('policy-invalid', { op, object, detail, cause });
}
