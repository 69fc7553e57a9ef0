import fs from 'node:fs/promises';
import path from 'node:path';
import { BerthError, UndoScope } from '../base';
import { ifThere, onDisk } from './disk';
import { lowersOf, type MountParts } from './lowers';
import type { VolumeRequest } from './storage';

/** Where the whole image is mounted, and where a part of it, in a volume's folder. */
const wholeOf = (dir: string): string => path.join(dir, 'image');
const partOf = (dir: string): string => path.join(dir, 'part');

/** Mounts an image's layers read-only at a place of the container's own, or a part of them. Nothing is left on failure. */
export async function mountVolume(parts: MountParts, request: VolumeRequest): Promise<string> {
  const { kernel, layout, log } = parts;
  const { containerId, index, subPath, idmap } = request;
  const layers = lowersOf(parts, request);
  const dir = path.join(layout.volumesOf(containerId), String(index));
  const [whole, bottom] = [wholeOf(dir), path.join(dir, 'bottom')];
  // Without an upper layer overlayfs wants two lower ones, but it takes no more than 500.
  const lowers = layers.length < 2 ? [...layers, bottom] : layers;
  await using undo = new UndoScope(log);
  undo.add('unmount the volume', () => removeVolume(parts, dir));
  await onDisk('mount an image volume', `container ${containerId}`, async () => {
    for (const folder of [whole, bottom]) await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  });
  await kernel.mountOverlay({ lowers, target: whole, ...(idmap && { idmap }) });
  if (subPath === '') {
    undo.commit();
    return whole;
  }
  await bindPart(parts, request, dir);
  undo.commit();
  return partOf(dir);
}

/** Unmounts all image volumes of a container; one without any is success. */
export async function unmountVolumes(parts: MountParts, containerId: string): Promise<void> {
  const all = parts.layout.volumesOf(containerId);
  const names = await onDisk('unmount image volumes', `container ${containerId}`, () => ifThere(fs.readdir(all)));
  if (!names) return;
  for (const name of names) await removeVolume(parts, path.join(all, name));
  await parts.kernel.removeTree(all);
}

async function bindPart({ kernel }: MountParts, { subPath }: VolumeRequest, dir: string): Promise<void> {
  if (!(await kernel.bindInRoot({ root: wholeOf(dir), path: subPath, target: partOf(dir) }))) {
    throw new BerthError('path-not-found', {
      op: 'mount an image volume',
      object: `sub-path ${JSON.stringify(subPath)}`,
      detail: 'the image has no such folder or file',
      remedy: 'correct the sub-path, or use an image that has it',
    });
  }
  // The part is a mount of its own and holds what it needs.
  await kernel.unmount(wholeOf(dir));
}

async function removeVolume({ kernel }: MountParts, dir: string): Promise<void> {
  for (const place of [partOf(dir), wholeOf(dir)]) await kernel.unmount(place);
  await kernel.removeTree(dir);
}
