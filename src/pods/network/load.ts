import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BerthError, errnoOf, messageOf } from '../../base';
import { parseNetworkList, type NetworkList } from './conf-list';

/** A network and the file that it is from. */
export interface LoadedNetwork {
  readonly list: NetworkList;
  readonly file: string;
}

/** What a look at the folder gave. */
export interface Loaded {
  readonly network: LoadedNetwork | BerthError;
  /** Files that come before it and cannot be read: they may be what the administrator means. */
  readonly broken: readonly BerthError[];
}

/**
 * The network of the folder that counts: the first by file name that is valid, or of the name that is asked for. A file
 * that is being written is broken for a moment: the network that it gave before stays, as long as the file is there.
 */
export async function loadNetwork(folder: string, wanted: string, before?: LoadedNetwork): Promise<Loaded> {
  const still = before && dirname(before.file) === folder && (wanted === '' || before.list.name === wanted);
  const kept = still ? before : undefined;
  let files: string[];
  try {
    files = await configFiles(folder);
  } catch (error) {
    const broken = asConfigError(error, folder);
    return { network: kept ?? broken, broken: [broken] };
  }
  const broken: BerthError[] = [];
  const others: string[] = [];
  for (const name of files) {
    const file = join(folder, name);
    try {
      const list = parseNetworkList(await readFile(file, 'utf8'), file);
      if (wanted === '' || list.name === wanted) return { network: { list, file }, broken };
      others.push(list.name);
    } catch (error) {
      // Taken away between the two calls: it is as if it had not been seen.
      if (errnoOf(error) === 'ENOENT') continue;
      broken.push(asConfigError(error, file));
      if (kept?.file === file) return { network: kept, broken };
    }
  }
  return { network: broken[0] ?? notThere(folder, wanted, others), broken };
}

async function configFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => /\.(conf|conflist|json)$/.test(name)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function asConfigError(error: unknown, object: string): BerthError {
  if (error instanceof BerthError) return error;
  const detail = errnoOf(error) ?? messageOf(error);
  return new BerthError('network-config-invalid', { op: 'load the CNI configuration', object, detail, cause: error });
}

function notThere(folder: string, wanted: string, others: readonly string[]): BerthError {
  const op = 'load the CNI configuration';
  if (wanted === '' || others.length === 0) {
    const detail = 'no .conflist, .conf or .json file in the folder';
    return new BerthError('network-not-ready', { op, object: folder, detail });
  }
  return new BerthError('network-not-ready', {
    op,
    object: folder,
    detail: `no network is named ${JSON.stringify(wanted)}; there is ${others.join(', ')}`,
    remedy: 'correct network.default_network, or have the network’s configuration written',
  });
}
