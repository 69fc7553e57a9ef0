import fs from 'node:fs/promises';
import path from 'node:path';
import type { LayerSize } from './complete';

const blockBytes = 4096;

/**
 * What a layer's folder takes up, counted as unpack counts what it writes: files by their sizes in blocks, one of several
 * names once, a block for each folder, the layer's own root left out.
 */
export async function measureLayer(root: string): Promise<LayerSize> {
  let unpackedBytes = 0;
  let inodes = 0;
  const linked = new Set<number>();
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of await fs.readdir(folder)) {
      const entry = path.join(folder, name);
      const stat = await fs.lstat(entry);
      if (stat.isDirectory()) folders.push(entry);
      else if (stat.nlink > 1 && linked.has(stat.ino)) continue;
      linked.add(stat.ino);
      inodes++;
      if (stat.isDirectory()) unpackedBytes += blockBytes;
      else if (stat.isFile()) unpackedBytes += Math.ceil(stat.size / blockBytes) * blockBytes;
    }
  }
  return { unpackedBytes, inodes };
}
