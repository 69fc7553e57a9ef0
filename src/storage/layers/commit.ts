import fs from 'node:fs/promises';
import { UndoScope, throwIfAborted, type Log } from '../../base';
import type { LayerRecord } from '../../state';
import type { Blobs } from '../blobs';
import { onDisk, syncDir } from '../disk';
import type { Layout } from '../layout';
import type { LayerTable, StorageKernel } from '../options';
import type { UsageCount } from '../usage';
import { completeLayer, type LayerSize } from './complete';
import { blobOf, diffOf, type StagedLayer } from './stage';
import type { Unpacker } from './unpacker';

export interface CommitParts {
  readonly kernel: StorageKernel;
  readonly layout: Layout;
  readonly unpacker: Unpacker;
  readonly blobs: Blobs;
  readonly usage: UsageCount;
  readonly table: LayerTable;
  readonly log: Log;
}

/** A layer of the image, base first: there already, or staged. */
export interface ChainLink {
  readonly chainId: string;
  readonly staged: StagedLayer | undefined;
}

/**
 * Makes an image's staged layers permanent: completes them base first, one syncfs for all, then their names, then
 * their records. Only one commit runs at a time. What has its name is whole; names without a record are made anew.
 */
export async function commitLayers(
  parts: CommitParts,
  chain: readonly ChainLink[],
  signal: AbortSignal,
): Promise<void> {
  const { kernel, layout, table } = parts;
  const lowers: string[] = [];
  const fresh: { readonly staged: StagedLayer; readonly size: LayerSize }[] = [];
  for (const { chainId, staged } of chain) {
    // Another image's commit may have brought it while this one was staged.
    if (!staged || table.get(chainId)) {
      lowers.unshift(layout.layer(chainId));
      continue;
    }
    fresh.push({ staged, size: await completeLayer(parts, staged, lowers, signal) });
    lowers.unshift(diffOf(staged.dir));
  }
  if (fresh.length === 0) return;
  await kernel.syncFs(layout.staging);
  throwIfAborted(signal, 'commit layers');

  await using undo = new UndoScope(parts.log);
  const records = fresh.map(({ staged, size }) => recordOf(staged, size));
  for (const { staged } of fresh) await nameLayer(parts, staged, undo);
  await onDisk('sync layers', layout.layers, () => Promise.all([syncDir(layout.layers), syncDir(layout.blobs)]));
  await table.putAll(records);
  undo.commit();
  for (const record of records) parts.usage.addLayer(record);
}

async function nameLayer(parts: CommitParts, { dir, source }: StagedLayer, undo: UndoScope): Promise<void> {
  const { kernel, layout, blobs } = parts;
  const target = layout.layer(source.chainId);
  // A layer without a record is what a crash left between the two.
  await kernel.removeTree(target);
  await onDisk('keep a layer', source.chainId, async () => {
    const fresh = await blobs.adopt(blobOf(dir), source.digest, source.size);
    if (fresh) undo.add('delete the blob', () => blobs.remove(source.digest));
    await fs.rename(diffOf(dir), target);
    undo.add('delete the layer', () => kernel.removeTree(target));
  });
}

function recordOf({ source }: StagedLayer, size: LayerSize): LayerRecord {
  return {
    v: 1,
    chainId: source.chainId,
    diffId: source.diffId,
    parentChainId: source.parentChainId,
    blobDigest: source.digest,
    unpackedBytes: BigInt(size.unpackedBytes),
    inodes: BigInt(size.inodes),
  };
}
