import fs from 'node:fs/promises';
import path from 'node:path';
import type { Log } from '../base';
import type { LayerRecord } from '../state';
import type { Blobs } from './blobs';
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
  readonly wanted: WantedLayers;
  readonly log: Log;
}

/** Deletes layers and blobs that nothing names. A record goes before its folder: what has a record is whole. */
export async function collect(parts: CollectParts, keep: readonly KeptImage[]): Promise<void> {
  const { table, wanted } = parts;
  const chainIds = new Set([...keep.flatMap((image) => image.chainIds), ...wanted.chainIds()]);
  const gone = [...table.values()].filter((record) => !chainIds.has(record.chainId));
  if (gone.length > 0) await table.delete(...gone.map((record) => record.chainId));
  for (const { chainId } of gone) {
    parts.usage.removeLayer(chainId);
    await parts.kernel.removeTree(parts.layout.layer(chainId));
  }
  // A layer that two images share may have come from either's blob.
  const sources = [...table.values()].flatMap(blobsOf);
  const named = keep.flatMap((image) => [...image.layers, ...image.blobs]);
  await parts.blobs.collect(new Set([...named, ...sources, ...wanted.blobs()]));
}

/** The blobs that a layer was made of. */
function blobsOf({ blobDigest, files = [] }: LayerRecord): string[] {
  return [blobDigest, ...files.map((file) => file.digest)];
}

/** Removes what an earlier process left half done: staging folders with their mounts, layers without a record. */
export async function cleanStaging(parts: CollectParts): Promise<void> {
  const { layout, table, kernel } = parts;
  for (const name of await fs.readdir(layout.staging)) await removeStaging(kernel, path.join(layout.staging, name));
  const there = new Set(await fs.readdir(layout.layers));
  for (const name of there) {
    if (!table.get(`sha256:${name}`)) await kernel.removeTree(path.join(layout.layers, name));
  }
  const lost = [...table.values()].filter((record) => !there.has(path.basename(layout.layer(record.chainId))));
  if (lost.length === 0) return;
  // An image that names them gets `layer-missing`, and a pull brings them back.
  parts.log.warn(
    { layers: lost.map((record) => record.chainId) },
    'layers are gone from the disk; pull their images again',
  );
  await table.delete(...lost.map((record) => record.chainId));
  for (const record of lost) parts.usage.removeLayer(record.chainId);
}
