import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError, errnoOf, messageOf } from '../../base';
import type { Kernel } from '../../kernel';

/**
 * Unmounts what is mounted in a container's state folder; false if there is no such folder. runc 1.1 binds its own
 * program there for a moment of each create and exec (`runc.XXXXXX`). One that is killed in that moment leaves the
 * mount, and the folder cannot go.
 */
export async function unmountStateFolder(kernel: Kernel, folder: string): Promise<boolean> {
  const names = await namesIn(folder);
  for (const name of names ?? []) await kernel.unmount(join(folder, name));
  return names !== undefined;
}

async function namesIn(folder: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw new BerthError('kernel-refused', { op: 'read', object: folder, detail: messageOf(cause), cause });
  }
}
