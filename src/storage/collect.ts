import fs from 'node:fs/promises';
import path from 'node:path';
import { messageOf, type Log } from '../base';
import type { LayerRecord } from '../state';
import type { Blobs } from './blobs';
import { setAside } from './check/aside';
import type { Layout } from './layout';
import type { WantedLayers } from './layers/wanted';
import { removeStaging } from './layers/stage';
import type { LayerTable, StorageKernel } from './options';
import type { KeptImage } from './storage';
import type { UsageCount } from './usage';

export interface CollectParts {
  readonly kernel: StorageKernel;
  readonly layout: Layout;
  readonly blobs: Blobs;
  readonly usage: UsageCount;
  readonly table: LayerTable;
  readonly flushed: () => Promise<void>;
  readonly wanted: WantedLayers;
  readonly log: Log;
}

/**
 * Deletes layers and blobs that nothing names. Records go before what they name, to the disk too: a power loss that gave
 * back the record of an image, or of a layer, must not find half of it deleted.
 */
export async function collect(parts: CollectParts, keep: readonly KeptImage[]): Promise<void> {
  const { table, wanted } = parts;
  const chainIds = new Set([...keep.flatMap((image) => image.chainIds), ...wanted.chainIds()]);
  const gone = [...table.values()].filter((record) => !chainIds.has(record.chainId));
  if (gone.length > 0) await table.delete(...gone.map((record) => record.chainId));
  await parts.flushed();
  for (const { chainId } of gone) {
    parts.usage.removeLayer(chainId);
    await parts.kernel.removeTree(parts.layout.layer(chainId));
  }
  await parts.blobs.collect(keptBlobs(parts, keep));
}

/** Blobs that images name, and that layers were made from: one that two images share may have come from either's. */
export function keptBlobs(
  { table, wanted }: Pick<CollectParts, 'table' | 'wanted'>,
  keep: readonly KeptImage[],
): ReadonlySet<string> {
  const sources = [...table.values()].flatMap(blobsOf);
  const named = keep.flatMap((image) => [...image.layers, ...image.blobs]);
  return new Set([...named, ...sources, ...wanted.blobs()]);
}

/** The blobs that a layer was made of. */
function blobsOf({ blobDigest, files = [] }: LayerRecord): string[] {
  return [blobDigest, ...files.map((file) => file.digest)];
}

/**
 * Removes what an earlier process left half done: staging folders with their mounts, layers without a record. What
 * cannot be removed is set aside, else left: nothing that lies about keeps berthd from starting.
 */
export async function cleanStaging(parts: CollectParts): Promise<void> {
  const { layout, table, kernel } = parts;
  for (const name of await fs.readdir(layout.staging)) {
    const dir = path.join(layout.staging, name);
    await clearAway(parts, dir, () => removeStaging(kernel, dir));
  }
  const there = new Map((await fs.readdir(layout.layers, { withFileTypes: true })).map((entry) => [entry.name, entry]));
  for (const [name, entry] of there) {
    const dir = path.join(layout.layers, name);
    if (!table.get(`sha256:${name}`)) await clearAway(parts, dir, () => kernel.removeTree(dir));
    else if (!entry.isDirectory()) await clearAway(parts, dir, () => Promise.reject(new Error('it is no folder')));
  }
  const lost = [...table.values()].filter(({ chainId }) => {
    return !there.get(path.basename(layout.layer(chainId)))?.isDirectory();
  });
  if (lost.length === 0) return;
  // An image that names them is no longer shown, and a pull brings them back.
  parts.log.warn(
    { layers: lost.map((record) => record.chainId) },
    'layers are gone from the disk: `berth check --repair` brings them back, or a pull of their images',
  );
  await table.delete(...lost.map((record) => record.chainId));
  for (const record of lost) parts.usage.removeLayer(record.chainId);
}

async function clearAway({ layout, log }: CollectParts, file: string, remove: () => Promise<void>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    const aside = await setAside(layout, file).catch((cause: unknown) => {
      log.error({ err: cause, path: file }, `cannot be set aside: ${messageOf(cause)}`);
    });
    log.error({ err: error, path: file, aside }, `cannot be used or removed: ${messageOf(error)}`);
  }
}
