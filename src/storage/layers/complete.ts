import fs from 'node:fs/promises';
import path from 'node:path';
import { BerthError, UndoScope, type Log } from '../../base';
import { onDisk } from '../disk';
import { measureLayer } from './measure';
import { diffOf, mergedOf, type StagedLayer } from './stage';
import type { Unpacker } from './unpacker';
import type { StorageKernel } from '../options';

interface Parts {
  readonly kernel: StorageKernel;
  readonly unpacker: Unpacker;
  readonly log: Log;
}

/** What a layer takes up once it is complete. */
export interface LayerSize {
  readonly unpackedBytes: number;
  readonly inodes: number;
}

/**
 * Completes a staged layer by what is below it, base layers first: parents that its archive left out take owner, mode
 * and times of the folder below; where that is a link, or a hard link's target is below, the layer is applied again
 * over its mounted parents.
 */
export async function completeLayer(
  parts: Parts,
  layer: StagedLayer,
  /** The folders of the layers below, topmost first; all of them complete. */
  lowers: readonly string[],
  signal: AbortSignal,
): Promise<LayerSize> {
  const { applied, dir, source } = layer;
  const [below] = lowers;
  if (below === undefined) {
    if (applied.needsParents) throw unresolvable(source.digest, applied.needsParents);
    if (applied.impliedParents > 0) await parts.unpacker.fixUp(dir, undefined, signal);
    return applied;
  }
  if (!applied.rootNamed) await parts.unpacker.copyRoot(below, diffOf(dir), signal);
  if (applied.impliedParents === 0 && !applied.needsParents) return applied;

  await using undo = new UndoScope(parts.log);
  await mountBelow(parts.kernel, dir, lowers, undo);
  const needs = applied.needsParents ?? (await parts.unpacker.fixUp(dir, mergedOf(dir), signal)).needsParents;
  if (!needs) return applied;
  parts.log.debug({ layer: source.digest, ...needs }, 'applying a layer over its parents');
  // The upper layer's root is the one that this layer gets.
  await parts.unpacker.copyRoot(diffOf(dir), mergedOf(dir), signal);
  await parts.unpacker.merge(dir, mergedOf(dir), signal);
  await undo.rollback();
  await parts.kernel.removeTree(diffOf(dir));
  return onDisk('complete a layer', source.digest, async () => {
    await fs.rename(path.join(dir, 'upper'), diffOf(dir));
    // What was copied up from below is in it too, and no archive told of it.
    return measureLayer(diffOf(dir));
  });
}

/** Mounts the layers below under the staging folder, with an upper layer that a second attempt is made in. */
async function mountBelow(
  kernel: StorageKernel,
  dir: string,
  lowers: readonly string[],
  undo: UndoScope,
): Promise<void> {
  const [upper, work, target] = [path.join(dir, 'upper'), path.join(dir, 'work'), mergedOf(dir)];
  await onDisk('complete a layer', dir, async () => {
    for (const folder of [upper, work, target]) await fs.mkdir(folder);
  });
  undo.add('unmount the layers below', () => kernel.unmount(target));
  await kernel.mountOverlay({ lowers, writable: { upper, work, volatile: true }, target });
}

function unresolvable(digest: string, needs: { readonly path: string; readonly reason: string }): BerthError {
  const detail = `${needs.path}: ${needs.reason}, and there is no layer below`;
  return new BerthError('layer-invalid', { op: 'unpack a layer', object: digest, detail });
}
