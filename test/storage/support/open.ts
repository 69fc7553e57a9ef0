import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { newId, silentLog } from '../../../src/base';
import { startKernel, type Kernel } from '../../../src/kernel';
import type { LayerRecord } from '../../../src/state';
import { chainIds, createStorage, type LayerSource, type LayerTable, type Storage } from '../../../src/storage';
import type { StorageOptions } from '../../../src/storage';
import { tempDir, unpackPath } from './files';
import { digestOf, tar, type Entry } from './tar';

const launcherPath = path.resolve(__dirname, '../../../conmon/build/launcher');

/** A kernel of the test's own. */
export async function openKernel(): Promise<{ readonly kernel: Kernel; close(): Promise<void> }> {
  const temp = tempDir();
  const cgroupBase = `/berth-storage-test-${newId().slice(0, 8)}`;
  const kernel = await startKernel({ launcherPath, runRoot: temp.path, cgroupBase, log: silentLog() });
  const close = async (): Promise<void> => {
    await kernel.close();
    removeCgroups(cgroupBase);
    temp.remove();
  };
  return { kernel, close };
}

function removeCgroups(base: string): void {
  for (const line of fs.readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, mount, type] = line.split(' ');
    if (mount === undefined || !type?.startsWith('cgroup')) continue;
    for (const dir of ['helpers', 'monitors', '']) {
      if (fs.existsSync(path.join(mount, base, dir))) fs.rmdirSync(path.join(mount, base, dir));
    }
  }
}

/** Records in memory; they live as long as the table is handed from one storage to the next. */
export function memoryTable(): LayerTable {
  const records = new Map<string, LayerRecord>();
  return {
    get: (id) => records.get(id),
    values: () => records.values(),
    putAll: async (added) => added.forEach((record) => records.set(record.chainId, record)),
    delete: async (...ids) => ids.forEach((id) => records.delete(id)),
  };
}

export interface Opened {
  readonly storage: Storage;
  readonly root: string;
  readonly table: LayerTable;
  /** Where a layer is once it has been added. */
  layerDir(chainId: string): string;
  /** What is in the folders where a failed or cancelled call could leave something. */
  leftovers(): string[];
  remove(): void;
}

/** A storage with folders of its own. */
export async function openStorage(
  kernel: StorageOptions['kernel'],
  options: Partial<StorageOptions> = {},
): Promise<Opened> {
  const temp = tempDir();
  const root = options.root ?? path.join(temp.path, 'root');
  const imageRoot = options.imageRoot ?? root;
  const runRoot = path.join(temp.path, 'run');
  const layers = options.layers ?? memoryTable();
  const log = silentLog();
  const storage = await createStorage({
    runRoot,
    unpackPath,
    kernel,
    log,
    layerConcurrency: 3,
    flushed: () => Promise.resolve(),
    ...options,
    root,
    imageRoot,
    layers,
  });
  return {
    storage,
    root,
    table: layers,
    layerDir: (chainId) => path.join(imageRoot, 'layers', chainId.slice('sha256:'.length)),
    leftovers: () =>
      ['staging', 'layers', 'blobs/sha256'].flatMap((dir) =>
        fs.readdirSync(path.join(imageRoot, dir)).map((name) => `${dir}/${name}`),
      ),
    remove: () => temp.remove(),
  };
}

/** The layers of an image, from their archives, base first; `opened` counts how often each was fetched. */
export function sourcesOf(
  layers: readonly { readonly blob: Buffer; readonly tar: Buffer }[],
): readonly (LayerSource & { readonly opened: { count: number } })[] {
  const chain = chainIds(layers.map((layer) => digestOf(layer.tar)));
  return layers.map(({ blob, tar }, i) => {
    const opened = { count: 0 };
    return {
      digest: digestOf(blob),
      size: BigInt(blob.length),
      diffId: digestOf(tar),
      chainId: chain[i] ?? '',
      parentChainId: chain[i - 1],
      opened,
      open: async () => {
        opened.count++;
        return Readable.from([blob.subarray(0, 100), blob.subarray(100)].filter((part) => part.length > 0));
      },
    };
  });
}

/**
 * A kernel for the tests of one file, and storages that hold some layers each; the roots of c1 and c2, and the storages,
 * are taken away after each test.
 */
export function useStorages(): (...layers: Entry[][]) => Promise<Opened & { readonly chainIds: string[] }> {
  let ground: Awaited<ReturnType<typeof openKernel>>;
  const opened: Opened[] = [];
  beforeAll(async () => {
    ground = await openKernel();
  });
  afterAll(() => ground.close());
  afterEach(async () => {
    for (const one of opened.splice(0)) {
      await one.storage.removeRootfs('c1');
      await one.storage.removeRootfs('c2');
      one.remove();
    }
  });
  return async (...layers) => {
    const one = await openStorage(ground.kernel);
    opened.push(one);
    const archives = layers.map((entries) => tar(entries));
    const sources = sourcesOf(archives.map((archive) => ({ blob: archive, tar: archive })));
    await one.storage.addLayers(sources, new AbortController().signal);
    return { ...one, chainIds: sources.map((source) => source.chainId) };
  };
}
