import { createReadStream, createWriteStream } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack, type Header, type Pack } from 'tar-stream';
import type { ChangedEntry } from '../../storage';

type Headers = Partial<Header> & Pick<Header, 'name'>;

/** Writes a tar into a new file, 0600; what the function adds is in its order. */
export async function writeTar(file: string, signal: AbortSignal, add: (tar: Pack) => Promise<void>): Promise<void> {
  const tar = pack();
  const adding = add(tar).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  // flush: what is renamed into its place afterwards is whole after a power loss too.
  await pipeline(tar, createWriteStream(file, { mode: 0o600, flush: true }), { signal });
  await adding;
}

/** A folder with all that is in it, under its own names: regular files and folders. */
export async function addTree(tar: Pack, root: string, folder = ''): Promise<void> {
  for (const name of (await fs.readdir(path.join(root, folder))).sort()) {
    const inside = path.join(folder, name);
    const source = path.join(root, inside);
    const stat = await fs.lstat(source);
    if (stat.isDirectory()) {
      await addHeader(tar, { name: `${inside}/`, type: 'directory', mode: 0o700, mtime: stat.mtime });
      await addTree(tar, root, inside);
    } else if (stat.isFile()) {
      await addFile(tar, { name: inside, mode: 0o600, mtime: stat.mtime, size: stat.size }, source);
    }
  }
}

/** Entries of a container's root; extended attributes are left out. */
export async function addChanges(tar: Pack, entries: readonly ChangedEntry[]): Promise<void> {
  for (const entry of entries) {
    const { mode, uid, gid, mtime } = entry;
    const common: Headers = { name: entry.path, mode, uid, gid, mtime };
    switch (entry.kind) {
      case 'directory':
        await addHeader(tar, { ...common, name: `${entry.path}/`, type: 'directory' });
        break;
      case 'file':
        await addFile(tar, { ...common, size: entry.size }, entry.source);
        break;
      case 'symlink':
      case 'link':
        await addHeader(tar, { ...common, type: entry.kind, linkname: entry.target });
        break;
      case 'fifo':
        await addHeader(tar, { ...common, type: 'fifo' });
        break;
      case 'block-device':
      case 'character-device':
        await addHeader(tar, { ...common, type: entry.kind, devmajor: entry.major, devminor: entry.minor });
        break;
      default:
        entry satisfies never;
    }
  }
}

/** What is gone, as layers say it (image spec, layer.md): in the folder of each a file whose name begins with `.wh.`. */
export async function addWhiteouts(tar: Pack, paths: readonly string[]): Promise<void> {
  for (const gone of paths) {
    const name = path.posix.join(path.posix.dirname(gone), `.wh.${path.posix.basename(gone)}`);
    await addHeader(tar, { name, type: 'file', mode: 0o600 });
  }
}

/** An entry without bytes. */
function addHeader(tar: Pack, headers: Headers): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry({ ...headers, size: 0 }, '', (error) => (error ? reject(error) : resolve()));
  });
}

async function addFile(tar: Pack, headers: Headers & { readonly size: number }, source: string): Promise<void> {
  if (headers.size === 0) return addHeader(tar, headers);
  const entry = tar.entry(headers);
  // No more than its header says, should somebody still write to it.
  await pipeline(createReadStream(source, { end: headers.size - 1 }), entry);
}
