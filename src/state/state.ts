import { statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Log, messageOf, Observations } from '../base';
import { dataFile, mapSize, openEnvironment } from './environment';
import type { ContainerRecord } from './records/container';
import type { ImageRecord } from './records/image';
import type { LayerRecord } from './records/layer';
import type { SandboxRecord } from './records/sandbox';
import { renew } from './renew';
import { openTable, type Table, type TableOptions, type WatchedTable } from './table';
import { imageShape, layerShape, setRecordAside } from './unreadable';

/** Everything that berth remembers: one table a kind, one LMDB environment. */
export interface State {
  readonly sandboxes: WatchedTable<SandboxRecord>;
  readonly containers: WatchedTable<ContainerRecord>;
  readonly images: Table<ImageRecord>;
  readonly layers: Table<LayerRecord>;
  /** Transactions that are not committed yet. */
  writing(): number;
  /** Bytes of its file, and how many it may have. */
  size(): { readonly bytes: number; readonly limit: number };
  /** Resolves when what has been committed so far is on the disk. */
  flushed(): Promise<void>;
  close(): Promise<void>;
}

/** Opens `<root>/meta`; all that it holds is on the disk from then on. The caller holds the writer's lock. */
export async function openState(root: string, log: Log, observations = new Observations()): Promise<State> {
  const path = join(root, 'meta');
  await mkdir(path, { recursive: true, mode: 0o700 });
  try {
    await renew(path);
  } catch (error) {
    // A full disk, mostly: what can make room on it must start all the same.
    log.warn({ err: error, path: dataFile(path) }, `the state goes on in its old file: ${messageOf(error)}`);
  }
  const env = openEnvironment(path);
  // Slots of readers that were killed would keep old pages from being reused for ever.
  env.readerCheck();
  let writing = 0;
  const around = async (table: string, operation: string, transaction: () => Promise<void>): Promise<void> => {
    writing++;
    try {
      await observations.time({ kind: 'state', operation, table }, transaction);
    } finally {
      writing--;
    }
  };
  const table = <T extends { readonly v: 1 }>(
    kind: string,
    key: (record: T) => string,
    more: Pick<TableOptions<T>, 'shape' | 'setAside'> = {},
  ) =>
    openTable<T>({
      db: env.openDB<unknown, string>({ name: kind }),
      kind,
      version: 1,
      migrations: [],
      key,
      around: (operation, transaction) => around(kind, operation, transaction),
      ...more,
    });
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
    writing: () => writing,
    // LMDB has the file open: nothing is looked for on the disk.
    size: () => ({ bytes: statSync(dataFile(path)).size, limit: mapSize }),
    flushed: async () => void (await env.flushed),
    close: () => env.close(),
  };
}
