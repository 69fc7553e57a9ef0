import fs from 'node:fs/promises';
import { UndoScope, throwIfAborted, type Log } from '../../base';
import type { LayerRecord } from '../../state';
import type { Blobs } from '../blobs';
import { onDisk, syncDir } from '../disk';
import type { Layout } from '../layout';
import type { LayerTable, StorageKernel } from '../options';
import type { UsageCount } from '../usage';

export interface KeepParts {
  readonly kernel: StorageKernel;
  readonly layout: Layout;
  readonly blobs: Blobs;
  readonly usage: UsageCount;
  readonly table: LayerTable;
  readonly log: Log;
}

/** A layer that is complete in the staging folder, with the blobs that are to be kept with it. */
export interface FinishedLayer {
  readonly diff: string;
  readonly blobs: readonly { readonly staged: string; readonly digest: string; readonly size: bigint }[];
  readonly record: LayerRecord;
}

/**
 * Makes finished layers permanent: one syncfs for all, then their names, then their records. Only one call runs at a
 * time. What has its name is whole; names without a record are made anew.
 */
export async function keepLayers(
  parts: KeepParts,
  layers: readonly FinishedLayer[],
  signal: AbortSignal,
): Promise<void> {
  const { kernel, layout, table } = parts;
  await kernel.syncFs(layout.staging);
  throwIfAborted(signal, 'commit layers');

  await using undo = new UndoScope(parts.log);
  const records = layers.map(({ record }) => record);
  for (const layer of layers) await nameLayer(parts, layer, undo);
  await onDisk('sync layers', layout.layers, () => Promise.all([syncDir(layout.layers), syncDir(layout.blobs)]));
  await table.putAll(records);
  undo.commit();
  for (const record of records) parts.usage.addLayer(record);
}

async function nameLayer(parts: KeepParts, { diff, blobs, record }: FinishedLayer, undo: UndoScope): Promise<void> {
  const { kernel, layout } = parts;
  const target = layout.layer(record.chainId);
  // A layer without a record is what a crash left between the two.
  await kernel.removeTree(target);
  await onDisk('keep a layer', record.chainId, async () => {
    for (const { staged, digest, size } of blobs) {
      const fresh = await parts.blobs.adopt(staged, digest, size);
      if (fresh) undo.add('delete the blob', () => parts.blobs.remove(digest));
    }
    await fs.rename(diff, target);
    undo.add('delete the layer', () => kernel.removeTree(target));
  });
}
