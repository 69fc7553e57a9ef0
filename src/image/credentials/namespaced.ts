import { createHash } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError, errnoOf, messageOf } from '../../base';
import { isNamespace } from '../namespace';
import { type AuthFile, parseAuthFile } from './auth-file';

/** The name under which a credential provider leaves a file for a pull: CRI-O's, so that its provider serves berth too. */
export function namespacedFileName(namespace: string, repository: string): string {
  return `${namespace}-${createHash('sha256').update(repository).digest('hex')}.json`;
}

/**
 * Takes the file that was left for a pull of this repository (`host/path`) in this namespace. It serves once: it is
 * removed before it is used, so a crash leaves no secret behind and of two takers one gets it.
 */
export async function takeNamespacedAuth(
  dir: string,
  namespace: string,
  repository: string,
): Promise<AuthFile | undefined> {
  if (dir === '' || !isNamespace(namespace)) return undefined;
  const path = join(dir, namespacedFileName(namespace, repository));
  let text: string;
  try {
    const file = await open(path);
    try {
      await unlink(path);
      text = await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw new BerthError('config-unreadable', {
      op: 'read credentials',
      object: path,
      detail: messageOf(error),
      cause: error,
    });
  }
  return parseAuthFile(path, text);
}
