import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { BerthError, messageOf, type Log } from '../base';
import type { ContainerRecord } from './records/container';
import type { ImageRecord } from './records/image';
import type { LayerRecord } from './records/layer';
import type { SandboxRecord } from './records/sandbox';
import { openTable, type Table, type TableOptions } from './table';
import { imageShape, layerShape, setRecordAside } from './unreadable';

/** Everything that berth remembers: one table a kind, one LMDB environment. */
export interface State {
  readonly sandboxes: Table<SandboxRecord>;
  readonly containers: Table<ContainerRecord>;
  readonly images: Table<ImageRecord>;
  readonly layers: Table<LayerRecord>;
  /** Resolves when what has been committed so far is on the disk. */
  flushed(): Promise<void>;
  close(): Promise<void>;
}

/** Room for some millions of records; the file grows only with its content. */
const mapSize = 4 * 1024 ** 3;

/** Opens `<root>/meta`. The caller holds the writer's lock. */
export async function openState(root: string, log: Log): Promise<State> {
  const path = join(root, 'meta');
  await mkdir(path, { recursive: true, mode: 0o700 });
  const env = openEnvironment(path);
  // Slots of readers that were killed would keep old pages from being reused for ever.
  env.readerCheck();
  const table = <T extends { readonly v: 1 }>(
    kind: string,
    key: (record: T) => string,
    more: Pick<TableOptions<T>, 'shape' | 'setAside'> = {},
  ) =>
    openTable<T>({ db: env.openDB<unknown, string>({ name: kind }), kind, version: 1, migrations: [], key, ...more });
  return {
    sandboxes: await table<SandboxRecord>('sandboxes', (record) => record.id),
    containers: await table<ContainerRecord>('containers', (record) => record.id),
    images: await table<ImageRecord>('images', (record) => record.id, {
      shape: imageShape,
      setAside: setRecordAside(root, 'image', log),
    }),
    layers: await table<LayerRecord>('layers', (record) => record.chainId, {
      shape: layerShape,
      setAside: setRecordAside(root, 'layer', log),
    }),
    flushed: async () => void (await env.flushed),
    close: () => env.close(),
  };
}

function openEnvironment(path: string): RootDatabase<unknown, string> {
  try {
    // copyBuffers: bytes of a record must not be views of a page that LMDB reuses.
    return open<unknown, string>({ path, mapSize, encoder: { copyBuffers: true, structuredClone: false } });
  } catch (error) {
    throw new BerthError('state-corrupt', {
      op: 'open the state',
      object: path,
      detail: messageOf(error),
      cause: error,
    });
  }
}
