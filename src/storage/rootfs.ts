import fs from 'node:fs/promises';
import path from 'node:path';
import { BerthError, UndoScope, errnoOf } from '../base';
import { outsideId, type IdMap } from '../kernel';
import { ifThere, onDisk } from './disk';
import type { Layout } from './layout';
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
  const { idmap } = request;
  const target = rootOf(layout, request);
  const [upper, work] = [path.join(dir, 'upper'), path.join(dir, 'work')];
  await using undo = new UndoScope(parts.log);
  await onDisk(op, object, async () => {
    await fs.mkdir(dir, { recursive: true, mode: 0o700 });
    if (await makeDir(upper)) {
      undo.add('remove the writable layer', () => kernel.removeTree(upper));
      // The root of an overlay is that of its upper layer.
      const root = await fs.stat(lowers[0] ?? layout.empty);
      await fs.chown(upper, outsideId(idmap?.uids, root.uid), outsideId(idmap?.gids, root.gid));
      await fs.chmod(upper, root.mode & 0o7777);
    }
    if (await makeDir(work)) undo.add('remove the work folder', () => kernel.removeTree(work));
    // An overlay that was mounted volatile refuses its upper layer once more: the mark of a mount that was not synced.
    await fs.rm(path.join(work, 'work', 'incompat', 'volatile'), { recursive: true, force: true });
  });
  if (idmap) {
    undo.add('remove the place of the mount point', () => ifThere(fs.rmdir(layout.mappedOf(request.containerId))));
    await onDisk(op, object, () => makeMappedPlace(layout, request.containerId, idmap));
  }
  // Two overlays on one upper layer are undefined: what an earlier start mounted goes first.
  if (!(await onDisk(op, object, () => makeDir(target)))) await kernel.unmount(target);
  undo.add('remove the mount point', () => fs.rmdir(target));
  await kernel.mountOverlay({ lowers, writable: { upper, work, volatile: true }, target, ...(idmap && { idmap }) });
  undo.commit();
  return target;
}

/** Unmounts a container's root and volumes; what is not mounted is success. */
export async function unmountRootfs(parts: MountParts, containerId: string): Promise<void> {
  const { kernel, layout } = parts;
  await unmountVolumes(parts, containerId);
  // Which of the two it was is the pod's to say, whose record may be gone.
  const mapped = layout.mappedMount(containerId);
  for (const target of [layout.mount(containerId), mapped]) await kernel.unmount(target);
  await onDisk('unmount the root', `container ${containerId}`, async () => {
    for (const folder of [layout.mount(containerId), mapped, layout.mappedOf(containerId)])
      await ifThere(fs.rmdir(folder));
  });
}

/** Where a container's root is mounted. */
export function rootOf(layout: Layout, { containerId, idmap }: Pick<RootfsRequest, 'containerId' | 'idmap'>): string {
  return idmap ? layout.mappedMount(containerId) : layout.mount(containerId);
}

/** Unmounts a container's root and deletes the container's folder, the writable layer in it. Idempotent. */
export async function removeRootfs(parts: MountParts, containerId: string): Promise<void> {
  await unmountRootfs(parts, containerId);
  await parts.kernel.removeTree(parts.layout.container(containerId));
}

/** Rejects `config-invalid` for a folder above that does not let a namespace's root pass: the runtime would say EACCES. */
async function checkWayTo(place: string, object: string): Promise<void> {
  for (let folder = path.dirname(place); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    if (((await fs.stat(folder)).mode & 0o001) !== 0) continue;
    throw new BerthError('config-invalid', {
      op: 'mount the root',
      object,
      detail: `the root of a user namespace cannot pass through ${folder} to its files`,
      remedy: `chmod o+x ${folder}, or use another run_root`,
    });
  }
}

/**
 * Where the root of a container in a user namespace goes. Its runtime walks there as the namespace's root, so all folders
 * above have to let it pass, and this one lets pass nobody else: what is in there may be setuid.
 */
async function makeMappedPlace(layout: Layout, containerId: string, { gids }: IdMap): Promise<void> {
  const place = layout.mappedOf(containerId);
  await checkWayTo(place, `container ${containerId}`);
  await makeDir(place);
  await fs.chown(place, 0, outsideId(gids, 0));
  await fs.chmod(place, 0o710);
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
