import fs from 'node:fs/promises';
import path from 'node:path';
import { BerthError, UndoScope } from '../base';
import { ifThere, onDisk } from './disk';
import { blobOf, diffOf } from './layers/stage';
import type { Unpacker } from './layers/unpacker';
import type { MountParts } from './lowers';
import type { ArchiveSource } from './storage';

export interface ArchiveParts extends Pick<MountParts, 'kernel' | 'layout' | 'log'> {
  readonly unpacker: Unpacker;
}

/** Unpacks an archive, confined as a layer is, and gives the folder; the caller removes `dir`, also on failure. */
export async function unpackArchive(
  { unpacker }: Pick<ArchiveParts, 'unpacker'>,
  source: ArchiveSource,
  signal: AbortSignal,
): Promise<string> {
  const op = 'unpack an archive';
  const { dir, size } = source;
  await onDisk(op, dir, async () => {
    await fs.mkdir(dir, { mode: 0o700 });
    await fs.mkdir(diffOf(dir), { mode: 0o700 });
  });
  const { needsParents } = await unpacker.extract(dir, size, await source.open(signal), signal);
  if (!needsParents) return diffOf(dir);
  throw new BerthError('layer-invalid', { op, detail: `${needsParents.path}: ${needsParents.reason}` });
}

/**
 * Applies an archive in the form of a layer - with whiteouts - to a container's mounted root, as if the container had made
 * the changes. What was applied when it fails stays: the root is then good for nothing.
 */
export async function applyArchive(
  { kernel, layout, log, unpacker }: ArchiveParts,
  containerId: string,
  archive: string,
  signal: AbortSignal,
): Promise<void> {
  const staging = path.join(layout.container(containerId), 'applying');
  await using undo = new UndoScope(log);
  undo.add('remove the staging folder', () => kernel.removeTree(staging));
  await onDisk('apply an archive', archive, async () => {
    await ifThere(fs.rm(staging, { recursive: true }));
    await fs.mkdir(staging, { mode: 0o700 });
    await fs.symlink(archive, blobOf(staging));
  });
  await unpacker.merge(staging, layout.mount(containerId), signal);
}
