import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError, errnoOf, messageOf } from '../../../base';

/** What `certs.d/<host[:port]>` holds for one host. */
export interface HostCerts {
  readonly folder: string;
  /** Changes with the content. */
  readonly stamp: string;
  /** PEM; trusted beside the system's. */
  readonly authorities: readonly string[];
  /** What this machine shows of itself, PEM. */
  readonly pairs: readonly { readonly cert: string; readonly key: string }[];
}

/**
 * Reads the host's folder in the first of the directories that has one (containers-certs.d(5)): `*.crt` are
 * authorities, `*.cert` and `*.key` of the same name a client's pair. Throws `config-invalid` for half a pair.
 */
export async function readHostCerts(dirs: readonly string[], host: string): Promise<HostCerts | undefined> {
  for (const dir of dirs) {
    const folder = join(dir, host);
    const names = await namesIn(folder);
    if (names) return readFolder(folder, names);
  }
  return undefined;
}

async function readFolder(folder: string, names: readonly string[]): Promise<HostCerts> {
  const fail = (name: string, detail: string) =>
    new BerthError('config-invalid', {
      op: 'read certificates',
      object: join(folder, name),
      detail,
      remedy: 'correct the folder; it is read anew by the next pull',
    });
  const stamp = createHash('sha256');
  const read = async (name: string): Promise<string> => {
    const text = await readText(join(folder, name));
    stamp.update(`${name}\0${text}\0`);
    if (!text.includes('-----BEGIN ')) throw fail(name, 'it is not PEM');
    return text;
  };
  const authorities: string[] = [];
  const pairs: { cert: string; key: string }[] = [];
  for (const name of names) {
    if (name.endsWith('.crt')) authorities.push(await read(name));
    if (name.endsWith('.cert')) {
      const key = `${name.slice(0, -'.cert'.length)}.key`;
      if (!names.includes(key)) throw fail(name, `its ${key} is missing; an authority's certificate is named *.crt`);
      pairs.push({ cert: await read(name), key: await read(key) });
    }
    if (name.endsWith('.key') && !names.includes(`${name.slice(0, -'.key'.length)}.cert`)) {
      throw fail(name, `its ${name.slice(0, -'.key'.length)}.cert is missing`);
    }
  }
  return { folder, stamp: stamp.digest('hex'), authorities, pairs };
}

async function namesIn(folder: string): Promise<string[] | undefined> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw unreadable(folder, error);
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): BerthError {
  return new BerthError('config-unreadable', {
    op: 'read certificates',
    object: path,
    detail: messageOf(cause),
    cause,
  });
}
