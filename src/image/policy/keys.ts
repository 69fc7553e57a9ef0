import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { PublicKey } from 'openpgp';
import { BerthError, messageOf } from '../../base';
import { readOpenPgpKeys } from './openpgp';
import type { KeySources } from './schema';
import { readSigstoreKey } from './sigstore';

/** The keys of a `signedBy`. Throws `policy-invalid` with the file. */
export async function openPgpKeys(sources: KeySources): Promise<readonly PublicKey[]> {
  const read = await readAll(sources, async (bytes) => {
    const keys = await readOpenPgpKeys(bytes);
    if (keys.length === 0) throw new SyntaxError('it has no public key');
    return keys;
  });
  return read.flat();
}

/** The keys of a `sigstoreSigned`, or of its logs. Throws `policy-invalid` with the file. */
export function sigstoreKeys(sources: KeySources): Promise<readonly KeyObject[]> {
  return readAll(sources, async (bytes) => readSigstoreKey(bytes));
}

function readAll<T>({ paths, data }: KeySources, read: (bytes: Buffer) => Promise<T>): Promise<readonly T[]> {
  const readNamed = async (name: string, bytes: () => Promise<Buffer>) => {
    try {
      return await read(await bytes());
    } catch (cause) {
      throw new BerthError('policy-invalid', {
        op: 'read a key of the signature policy',
        object: name,
        detail: messageOf(cause),
        cause,
      });
    }
  };
  return Promise.all([
    ...paths.map((path) => readNamed(path, () => readFile(path))),
    ...data.map((bytes, at) => readNamed(`the policy's own data ${at + 1}`, () => Promise.resolve(bytes))),
  ]);
}
