import fs from 'node:fs/promises';
import path from 'node:path';
import { UndoScope, errnoOf } from '../base';
import type { IdRange } from '../kernel';
import { ifThere, onDisk } from './disk';
import { lowersOf, type MountParts } from './lowers';
import type { RootfsRequest } from './storage';
import { unmountVolumes } from './volumes';

/** Mounts a container's root over the layers of its image. The writable layer is kept if there is one already. */
export async function mountRootfs(parts: MountParts, request: RootfsRequest): Promise<string> {
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
      await fs.chown(upper, hostId(request.idmap?.uids, root.uid), hostId(request.idmap?.gids, root.gid));
      await fs.chmod(upper, root.mode & 0o7777);
    }
    if (await makeDir(work)) undo.add('remove the work folder', () => kernel.removeTree(work));
    // An overlay that was mounted volatile refuses its upper layer once more: the mark of a mount that was not synced.
    await fs.rm(path.join(work, 'work', 'incompat', 'volatile'), { recursive: true, force: true });
  });
  // Two overlays on one upper layer are undefined: what an earlier start mounted goes first.
  if (!(await onDisk(op, object, () => makeDir(target)))) await kernel.unmount(target);
  undo.add('remove the mount point', () => fs.rmdir(target));
  const { idmap } = request;
  await kernel.mountOverlay({ lowers, writable: { upper, work, volatile: true }, target, ...(idmap && { idmap }) });
  undo.commit();
  return target;
}

/** Unmounts a container's root and volumes; what is not mounted is success. */
export async function unmountRootfs(parts: MountParts, containerId: string): Promise<void> {
  const { kernel, layout } = parts;
  await unmountVolumes(parts, containerId);
  const target = layout.mount(containerId);
  await kernel.unmount(target);
  await onDisk('unmount the root', `container ${containerId}`, () => ifThere(fs.rmdir(target)));
}

/** Unmounts a container's root and deletes the container's folder, the writable layer in it. Idempotent. */
export async function removeRootfs(parts: MountParts, containerId: string): Promise<void> {
  await unmountRootfs(parts, containerId);
  await parts.kernel.removeTree(parts.layout.container(containerId));
}

/** An id of the layers as the host sees it; one that the namespace has not is nobody's there, and stays as it is. */
function hostId(ranges: readonly IdRange[] | undefined, id: number): number {
  const range = ranges?.find(({ containerId, length }) => id >= containerId && id < containerId + length);
  return range ? id - range.containerId + range.hostId : id;
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
