import fs from 'node:fs/promises';
import path from 'node:path';
import { BerthError, UndoScope, errnoOf, type Log } from '../base';
import { ifThere, onDisk } from './disk';
import type { Layout } from './layout';
import type { LayerTable, StorageKernel } from './options';
import type { RootfsRequest } from './storage';

export interface RootfsParts {
  readonly kernel: StorageKernel;
  readonly layout: Layout;
  readonly layers: LayerTable;
  readonly log: Log;
}

/** Mounts a container's root over the layers of its image. The writable layer is kept if there is one already. */
export async function mountRootfs(parts: RootfsParts, request: RootfsRequest): Promise<string> {
  const { kernel, layout } = parts;
  const op = 'mount the root';
  const object = `container ${request.containerId}`;
  const lowers = lowersOf(parts, request);
  const dir = layout.container(request.containerId);
  const target = layout.mount(request.containerId);
  const [upper, work] = [path.join(dir, 'upper'), path.join(dir, 'work')];
  await using undo = new UndoScope(parts.log);
  await onDisk(op, object, async () => {
    await fs.mkdir(dir, { recursive: true, mode: 0o700 });
    if (await makeDir(upper)) {
      undo.add('remove the writable layer', () => kernel.removeTree(upper));
      // The root of an overlay is that of its upper layer.
      const root = await fs.stat(lowers[0] ?? layout.empty);
      await fs.chown(upper, root.uid, root.gid);
      await fs.chmod(upper, root.mode & 0o7777);
    }
    if (await makeDir(work)) undo.add('remove the work folder', () => kernel.removeTree(work));
    // An overlay that was mounted volatile refuses its upper layer once more: the mark of a mount that was not synced.
    await fs.rm(path.join(work, 'work', 'incompat', 'volatile'), { recursive: true, force: true });
  });
  // Two overlays on one upper layer are undefined: what an earlier start mounted goes first.
  if (!(await onDisk(op, object, () => makeDir(target)))) await kernel.unmount(target);
  undo.add('remove the mount point', () => fs.rmdir(target));
  await kernel.mountOverlay({ lowers, upper, work, target, volatile: true });
  undo.commit();
  return target;
}

/** Unmounts a container's root; one that is not mounted is success. */
export async function unmountRootfs({ kernel, layout }: RootfsParts, containerId: string): Promise<void> {
  const target = layout.mount(containerId);
  await kernel.unmount(target);
  await onDisk('unmount the root', `container ${containerId}`, () => ifThere(fs.rmdir(target)));
}

/** Unmounts a container's root and deletes the container's folder, the writable layer in it. Idempotent. */
export async function removeRootfs(parts: RootfsParts, containerId: string): Promise<void> {
  await unmountRootfs(parts, containerId);
  await parts.kernel.removeTree(parts.layout.container(containerId));
}

/** The layers' folders, topmost first, as overlayfs wants them; it needs at least one. */
function lowersOf({ layers, layout }: RootfsParts, { chainIds, containerId }: RootfsRequest): string[] {
  const missing = chainIds.find((id) => !layers.get(id));
  if (missing !== undefined) {
    const object = `container ${containerId}`;
    throw new BerthError('layer-missing', { op: 'mount the root', object, detail: `layer ${missing} is not there` });
  }
  return chainIds.length === 0 ? [layout.empty] : chainIds.map((id) => layout.layer(id)).reverse();
}

/** Makes a folder; false if it was there. */
async function makeDir(dir: string): Promise<boolean> {
  try {
    await fs.mkdir(dir, { mode: 0o700 });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}
