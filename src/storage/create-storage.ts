import fs from 'node:fs/promises';
import path from 'node:path';
import { FairSlots, KeyedLock, type Log } from '../base';
import { addArtifact } from './artifacts/add-artifact';
import { applyArchive, unpackArchive } from './archives';
import { type BlobToStage, stageBlob } from './artifacts/stage-blob';
import { Blobs } from './blobs';
import { createStorageCheck, setAside } from './check';
import { cleanStaging, collect } from './collect';
import { containerUsage } from './container-usage';
import { ifThere, onDisk } from './disk';
import { claimImageRoot } from './image-root';
import { layoutOf, type Layout } from './layout';
import { addLayers } from './layers/add-layers';
import type { StagedLayer } from './layers/stage';
import { type LayerToStage, stageCheaply } from './layers/stage-cheaply';
import { StagingPool } from './layers/staging-pool';
import { Unpacker } from './layers/unpacker';
import { WantedLayers } from './layers/wanted';
import type { StorageOptions } from './options';
import { mountRootfs, removeRootfs, unmountRootfs } from './rootfs';
import { rootfsChanges } from './rootfs-changes';
import { Space } from './space';
import type { Storage } from './storage';
import { UsageCount } from './usage';
import { mountVolume } from './volumes';

/** Layers of one image that are fetched and unpacked at once. */
const layersPerImage = 6;

/** Opens the storage, making its folders where they are not there. Rejects `config-invalid` for an image root of others. */
export async function createStorage(options: StorageOptions): Promise<Storage> {
  const { root, imageRoot, runRoot, kernel, log, layers: table, flushed } = options;
  await claimImageRoot({ root, imageRoot, layers: table });
  const layout = layoutOf(root, imageRoot, runRoot);
  await onDisk('open the storage', root, () => makeFolders(layout, log));
  const usage = new UsageCount();
  const blobs = new Blobs(layout, usage);
  await onDisk('open the storage', imageRoot, () => blobs.open());
  for (const record of table.values()) usage.addLayer(record);

  const unpacker = new Unpacker(kernel, options.unpackPath, options.unpackLimits);
  const background = new Unpacker(kernel, options.unpackPath, options.unpackLimits, true);
  const slots = new FairSlots(options.layerConcurrency, layersPerImage, 'layer');
  const staging = { kernel, layout, log, slots };
  const stageParts = { kernel, unpacker, blobs, log };
  const pool = new StagingPool<LayerToStage, StagedLayer>({
    ...staging,
    nameOf: ({ source }) => ({ key: source.chainId, digest: source.digest }),
    stage: (dir, layer, donor, signal) => stageCheaply(stageParts, dir, layer, donor, signal),
  });
  const blobPool = new StagingPool<BlobToStage, string>({
    ...staging,
    nameOf: ({ source: { digest } }) => ({ key: digest, digest }),
    stage: (dir, blob, _donor, signal) => stageBlob(dir, blob, signal),
  });
  const locks = new KeyedLock('storage');
  const wanted = new WantedLayers();
  const space = new Space(layout.staging);
  const parts = { kernel, layout, unpacker, blobs, usage, table, flushed, log, pool, blobPool, locks, wanted, space };
  const rootfs = { kernel, layout, layers: table, log };

  return {
    root,
    imageRoot,
    readBlob: (digest, maxBytes) => blobs.read(digest, maxBytes),
    writeBlob: (digest, bytes) => blobs.write(digest, bytes),
    hasLayers: (chainIds) => chainIds.every((id) => table.get(id) !== undefined),
    check: createStorageCheck({ ...parts, background }),
    addLayers: (sources, signal, onLayer) => addLayers(parts, sources, signal, onLayer),
    addArtifact: (artifact, signal) => addArtifact(parts, artifact, signal),
    mountRootfs: (request) => mountRootfs(rootfs, request),
    mountVolume: (request) => mountVolume(rootfs, request),
    unpackArchive: (archive, signal) => unpackArchive(parts, archive, signal),
    applyArchive: (id, archive, signal) => applyArchive(parts, id, archive, signal),
    layerPath: (chainId) => layout.layer(chainId),
    rootfsChanges: (request, signal) => rootfsChanges(rootfs, request, signal),
    unmountRootfs: (id) => unmountRootfs(rootfs, id),
    removeRootfs: (id) => removeRootfs(rootfs, id),
    mountedContainers: () =>
      onDisk('look for mounts', layout.mounts, async () => {
        const names = await Promise.all([layout.mounts, layout.mapped, layout.volumes].map((dir) => fs.readdir(dir)));
        return [...new Set(names.flat())];
      }),
    containerDir: (id) => layout.container(id),
    rootfsPath: (id) => layout.mount(id),
    collect: (keep) =>
      locks.with('commit', undefined, () => onDisk('delete unused layers', imageRoot, () => collect(parts, keep))),
    cleanStaging: () => onDisk('clean the staging folder', imageRoot, () => cleanStaging(parts)),
    layersWaiting: () => slots.waiting,
    imageUsage: () => usage.read(),
    containerUsage: (walk = {}) =>
      onDisk('measure writable layers', root, () => containerUsage(layout.containers, walk)),
  };
}

/**
 * Nobody but root may pass: layers hold setuid programs, and uppers the data of containers. Below `mapped` each
 * folder says who may.
 */
async function makeFolders(layout: Layout, log: Log): Promise<void> {
  const { blobs, layers, staging, containers, mounts, mapped, volumes, empty } = layout;
  for (const dir of [path.dirname(blobs), blobs, layers, staging, containers, mounts, mapped, volumes, empty]) {
    if ((await ifThere(fs.stat(dir)))?.isDirectory() === false) {
      log.error({ path: dir, aside: await setAside(layout, dir) }, 'there is a file in the place of a folder');
    }
    await fs.mkdir(dir, { recursive: true, mode: 0o700 });
  }
  await fs.chmod(empty, 0o755);
  await fs.chmod(mapped, 0o711);
}
