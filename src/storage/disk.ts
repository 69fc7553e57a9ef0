import fs from 'node:fs/promises';
import { BerthError, errnoOf, isBerthError, messageOf } from '../base';

/** Flushes a folder's entries: a rename in it is durable afterwards. */
export async function syncDir(dir: string): Promise<void> {
  await using handle = await fs.open(dir, 'r');
  await handle.sync();
}

/** Runs a step on the file system; what Node throws becomes `storage-full`, or `kernel-refused` with the errno. */
export async function onDisk<T>(op: string, object: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (isBerthError(error)) throw error;
    const errno = errnoOf(error);
    const full = errno === 'ENOSPC' || errno === 'EDQUOT';
    throw new BerthError(full ? 'storage-full' : 'kernel-refused', {
      op,
      object,
      detail: messageOf(error),
      cause: error,
    });
  }
}

/** Gives undefined where there is nothing under the name. */
export async function ifThere<T>(step: Promise<T>): Promise<T | undefined> {
  try {
    return await step;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
