import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { BerthError, messageOf } from '../base';

export type Environment = RootDatabase<unknown, string>;

/** Room for some millions of records; the file grows only with its content. */
export const mapSize = 4 * 1024 ** 3;

/** The file of the environment in a folder. */
export const dataFile = (folder: string): string => join(folder, 'data.mdb');

/** Opens the environment in the folder. Throws `state-corrupt` if it is none. */
export function openEnvironment(folder: string): Environment {
  try {
    // copyBuffers: bytes of a record must not be views of a page that LMDB reuses.
    return open<unknown, string>({ path: folder, mapSize, encoder: { copyBuffers: true, structuredClone: false } });
  } catch (error) {
    throw new BerthError('state-corrupt', {
      op: 'open the state',
      object: folder,
      detail: messageOf(error),
      cause: error,
    });
  }
}
