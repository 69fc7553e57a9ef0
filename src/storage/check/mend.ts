import fs from 'node:fs/promises';
import path from 'node:path';
import { UndoScope, throwIfAborted } from '../../base';
import type { LayerRecord } from '../../state';
import { ifThere, onDisk, syncDir } from '../disk';
import type { AddParts } from '../layers/add-layers';
import { recordOf } from '../layers/commit';
import { completeLayer, type LayerSize } from '../layers/complete';
import { blobOf, diffOf, removeStaging, type StagedLayer } from '../layers/stage';
import { stageCheaply } from '../layers/stage-cheaply';
import type { LayerSource } from '../storage';
import { setAside, syncAside } from './aside';
import { digestOfFile } from './check-artifact';
import { isFolder } from './check-layer';

/**
 * Makes the bad layers of an image anew, and those without a record, base first: from their own blobs where these are
 * whole, else from the sources. The damaged folder is set aside only when the one that takes its place is on the disk;
 * whoever has it mounted keeps it. A kill between the two renames leaves a layer that is missing, as the next start finds.
 */
export async function mendLayers(
  parts: AddParts,
  sources: readonly LayerSource[],
  bad: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  using _wanted = parts.wanted.hold(sources);
  const lowers: string[] = [];
  for (const source of sources) {
    const record = parts.table.get(source.chainId);
    if (!record || bad.has(source.chainId)) await mendLayer(parts, source, record, lowers, signal);
    lowers.unshift(parts.layout.layer(source.chainId));
  }
}

async function mendLayer(
  parts: AddParts,
  source: LayerSource,
  record: LayerRecord | undefined,
  lowers: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { kernel, layout, unpacker } = parts;
  const dir = layout.newStaging();
  try {
    const staged = await stageCheaply(parts, dir, { source, room: undefined }, undefined, signal);
    const size = await completeLayer(parts, staged, lowers, signal);
    const target = layout.layer(source.chainId);
    const whole =
      record !== undefined && (await isFolder(target)) && (await unpacker.compare(dir, target, signal)).differing === 0;
    await kernel.syncFs(layout.staging);
    throwIfAborted(signal, 'mend a layer', source.chainId);
    await parts.locks.with('commit', signal, async () => {
      // A pull or a removal has been faster: then what is there, or not, is right.
      if (parts.table.get(source.chainId) !== record) return;
      if (whole) await keepBlob(parts, staged);
      else await replaceLayer(parts, staged, size);
    });
  } finally {
    await removeStaging(kernel, dir);
  }
}

/** The folder is what it has to be: only the blob is new. */
async function keepBlob({ blobs, layout }: AddParts, { dir, source }: StagedLayer): Promise<void> {
  await onDisk('mend a blob', source.digest, async () => {
    const file = layout.blob(source.digest);
    if ((await ifThere(fs.lstat(file)))?.isFile() === false) await setAside(layout, file);
    await blobs.adopt(blobOf(dir), source.digest, source.size);
    await syncDir(layout.blobs);
  });
}

async function replaceLayer(parts: AddParts, staged: StagedLayer, size: LayerSize): Promise<void> {
  const { layout, table, usage } = parts;
  const { chainId } = staged.source;
  const target = layout.layer(chainId);
  const record = recordOf(staged.source, size);
  await using undo = new UndoScope(parts.log);
  await onDisk('mend a layer', chainId, async () => {
    if (await ifThere(fs.lstat(target))) {
      const aside = await setAside(layout, target);
      undo.add('put the damaged layer back', () => fs.rename(aside, target));
      parts.log.warn({ chainId, aside }, 'a damaged layer was set aside');
    }
    await fs.rename(diffOf(staged.dir), target);
    undo.commit();
    await Promise.all([syncDir(layout.layers), syncAside(layout)]);
  });
  await keepBlob(parts, staged);
  await table.putAll([record]);
  usage.addLayer(record);
}

/**
 * Takes a damaged artifact out of the way: its folder, and those of its blobs that are not whole. It is missing from
 * then on, until it has been added again; whoever has it mounted keeps it.
 */
export async function setArtifactAside(parts: AddParts, chainId: string, signal: AbortSignal): Promise<void> {
  const { layout, table, usage, log } = parts;
  const record = table.get(chainId);
  if (!record) return;
  const places = [layout.layer(chainId)];
  for (const { digest } of record.files ?? []) {
    const blob = layout.blob(digest);
    const whole = (await isThere(blob)) && (await digestOfFile(blob, signal)) === digest;
    if (!whole && !places.includes(blob)) places.push(blob);
  }
  await parts.locks.with('commit', signal, () =>
    onDisk('set an artifact aside', chainId, async () => {
      await table.delete(chainId);
      usage.removeLayer(chainId);
      for (const place of places) {
        if (await isThere(place))
          log.warn({ chainId, aside: await setAside(layout, place) }, 'set aside: it is damaged');
        usage.removeBlob(path.basename(place));
      }
      await Promise.all([syncDir(layout.layers), syncDir(layout.blobs), syncAside(layout)]);
    }),
  );
}

async function isThere(place: string): Promise<boolean> {
  return (await ifThere(fs.lstat(place))) !== undefined;
}
