import type { BigIntStats, Dirent } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { throwIfAborted } from '../base';
import { ifThere } from './disk';
import type { DiskUsage, UsageWalk } from './storage';

/** Entries that one reading looks at; a writable layer beyond it is counted up to here. */
const maxEntries = 1_000_000;

/** Space that each container's writable layer takes up, by walking them. */
export async function containerUsage(containers: string, walk: UsageWalk): Promise<ReadonlyMap<string, DiskUsage>> {
  const usage = new Map<string, DiskUsage>();
  for (const id of await fs.readdir(containers)) {
    if (!walk.skip?.(id)) usage.set(id, await layerUsage(path.join(containers, id, 'upper'), walk));
  }
  return usage;
}

/** Blocks and inodes of one layer, as `du` counts; files of several names once. One that is gone uses nothing. */
async function layerUsage(upper: string, { signal, rest }: UsageWalk): Promise<DiskUsage> {
  let bytes = 0n;
  let inodes = 0n;
  const linked = new Set<bigint>();
  const folders = [upper];
  for (let dir = folders.pop(); dir !== undefined && inodes < maxEntries; dir = folders.pop()) {
    await rest?.();
    throwIfAborted(signal, 'measure writable layers');
    const self = await ifThere(fs.lstat(dir, { bigint: true }));
    if (!self?.isDirectory()) continue;
    bytes += self.blocks * 512n;
    inodes++;
    // A container may remove anything while it is walked.
    for (const stat of await statEntries(dir, folders)) {
      if (stat.nlink > 1n && linked.has(stat.ino)) continue;
      if (stat.nlink > 1n) linked.add(stat.ino);
      bytes += stat.blocks * 512n;
      inodes++;
    }
  }
  return { bytes, inodes };
}

/** What a folder holds besides folders; those are put on the list. */
async function statEntries(dir: string, folders: string[]): Promise<BigIntStats[]> {
  const entries: Dirent[] = (await ifThere(fs.readdir(dir, { withFileTypes: true }))) ?? [];
  const stats: BigIntStats[] = [];
  for (const entry of entries) {
    const name = path.join(dir, entry.name);
    if (entry.isDirectory()) folders.push(name);
    else {
      const stat = await ifThere(fs.lstat(name, { bigint: true }));
      if (stat) stats.push(stat);
    }
  }
  return stats;
}
