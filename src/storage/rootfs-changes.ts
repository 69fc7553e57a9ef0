import type { Stats } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { BerthError, deviceNumbers, throwIfAborted } from '../base';
import { ifThere, onDisk } from './disk';
import { insideId, type IdMap } from '../kernel';
import { lowersOf, type MountParts } from './lowers';
import { rootOf } from './rootfs';
import type { ChangedEntry, RootfsChanges, RootfsRequest } from './storage';

/** Changed entries that are listed; whoever changes more has his reasons, and no use for a list in memory. */
const maxEntries = 1_000_000;

/**
 * How a container's mounted root differs from its image: what is in its writable layer, and what has vanished from below.
 * The container must stand still meanwhile.
 */
export async function rootfsChanges(
  parts: MountParts,
  request: RootfsRequest,
  signal: AbortSignal | undefined,
): Promise<RootfsChanges> {
  const { layout } = parts;
  const upper = path.join(layout.container(request.containerId), 'upper');
  const merged = rootOf(layout, request);
  const lowers = lowersOf(parts, request);
  const object = `container ${request.containerId}`;
  return onDisk('list the changes of a root', object, async () => {
    const entries: ChangedEntry[] = [];
    const deleted: string[] = [];
    const links = new Map<number, string>();
    // A folder that is not in the writable layer is as the image has it.
    const folders = [''];
    for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
      throwIfAborted(signal, 'list the changes of a root', object);
      const there = new Set(await fs.readdir(path.join(merged, folder)));
      for (const name of await namesBelow(lowers, folder)) {
        if (!there.has(name)) deleted.push(path.join(folder, name));
      }
      for (const name of (await fs.readdir(path.join(upper, folder))).sort()) {
        if (!there.has(name)) continue;
        const source = path.join(upper, folder, name);
        const entry = await entryOf(
          path.join(folder, name),
          source,
          ownedInside(await fs.lstat(source), request.idmap),
          links,
        );
        if (!entry) continue;
        entries.push(entry);
        if (entry.kind === 'directory') folders.push(entry.path);
      }
      if (entries.length + deleted.length > maxEntries) {
        const detail = `more than ${maxEntries} entries differ from the image`;
        throw new BerthError('storage-full', { op: 'list the changes of a root', object, detail });
      }
    }
    return { entries, deleted: deleted.sort() };
  });
}

/** The names that any of the layers has in the folder; one that a layer hides is no longer in the merged view either. */
async function namesBelow(lowers: readonly string[], folder: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const lower of lowers) {
    const dir = path.join(lower, folder);
    if (!(await ifThere(fs.lstat(dir)).catch(notDir))?.isDirectory()) continue;
    for (const name of await fs.readdir(dir)) names.add(name);
  }
  return names;
}

/** What is a folder here may be a file in a layer below. */
function notDir(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
  throw error;
}

/** Owners as the container sees them: where it is made again its ids may be others to the node. */
function ownedInside(stat: Stats, idmap: IdMap | undefined): Stats {
  return Object.assign(stat, { uid: insideId(idmap?.uids, stat.uid), gid: insideId(idmap?.gids, stat.gid) });
}

/** Undefined for a socket: nobody listens behind its copy. */
async function entryOf(
  name: string,
  source: string,
  stat: Stats,
  links: Map<number, string>,
): Promise<ChangedEntry | undefined> {
  const { uid, gid, mtime, rdev } = stat;
  const common = { path: name, mode: stat.mode & 0o7777, uid, gid, mtime };
  if (stat.isDirectory()) return { ...common, kind: 'directory' };
  if (stat.isSymbolicLink()) return { ...common, kind: 'symlink', target: await fs.readlink(source) };
  if (stat.isSocket()) return undefined;
  const first = links.get(stat.ino);
  if (stat.nlink > 1 && first !== undefined) return { ...common, kind: 'link', target: first };
  links.set(stat.ino, name);
  if (stat.isFile()) return { ...common, kind: 'file', size: stat.size, source };
  if (stat.isFIFO()) return { ...common, kind: 'fifo' };
  const kind = stat.isBlockDevice() ? 'block-device' : 'character-device';
  return { ...common, kind, ...deviceNumbers(BigInt(rdev)) };
}
