import fs from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from '../disk';
import { keptBlobs, type CollectParts } from '../collect';
import type { KeptImage } from '../storage';

/** Paths of layers without a record and of blobs that nothing names; removes them if asked to. Under the commit lock. */
export async function leftovers(
  parts: CollectParts,
  keep: readonly KeptImage[],
  remove: boolean,
): Promise<readonly string[]> {
  const { layout, table, kernel } = parts;
  const blobs = keptBlobs(parts, keep);
  const layers = await fs.readdir(layout.layers);
  const found = [
    ...layers.filter((name) => !table.get(`sha256:${name}`)).map((name) => path.join(layout.layers, name)),
    ...(await fs.readdir(layout.blobs))
      .filter((name) => !blobs.has(`sha256:${name}`))
      .map((name) => path.join(layout.blobs, name)),
  ];
  if (!remove) return found;
  for (const file of found) {
    // Containers that still run on a layer of a removed image have its files from it.
    if (await ifThere(fs.lstat(file))) await kernel.removeTree(file);
    parts.usage.removeBlob(path.basename(file));
  }
  return found;
}
