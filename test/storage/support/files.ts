import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const unpackPath = path.resolve(__dirname, '../../../conmon/build/unpack');

/** A folder of the test's own, removed by `remove`. */
export function tempDir(): { readonly path: string; remove(): void } {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'berth-storage-'));
  return { path: dir, remove: () => fs.rmSync(dir, { recursive: true, force: true }) };
}

/** The extended attributes of one file, trusted.* too, as GNU tar sees them: Node has no call for them. */
export function xattrs(file: string): Record<string, Buffer> {
  const args = [
    '--xattrs',
    '--xattrs-include=*',
    '--format=pax',
    '--no-recursion',
    '-cf',
    '-',
    '-C',
    path.dirname(file),
  ];
  const archive = execFileSync('tar', [...args, path.basename(file)]);
  const found: Record<string, Buffer> = {};
  if (archive.toString('latin1', 156, 157) !== 'x') return found;
  const size = parseInt(archive.toString('latin1', 124, 135), 8);
  for (let at = 512; at < 512 + size;) {
    const space = archive.indexOf(' ', at);
    const length = Number(archive.toString('latin1', at, space));
    const equals = archive.indexOf('=', space);
    const key = archive.toString('latin1', space + 1, equals);
    if (key.startsWith('SCHILY.xattr.')) found[key.slice(13)] = archive.subarray(equals + 1, at + length - 1);
    at += length;
  }
  return found;
}

/** One line for each file below a folder: type, mode, owner, name, and what it holds. */
export function listing(root: string, below = ''): string[] {
  return fs
    .readdirSync(path.join(root, below))
    .sort()
    .flatMap((name) => {
      const relative = path.join(below, name);
      const full = path.join(root, relative);
      const stat = fs.lstatSync(full);
      const mode = (stat.mode & 0o7777).toString(8);
      const line = (kind: string, rest = ''): string => `${kind} ${mode} ${stat.uid}:${stat.gid} ${relative}${rest}`;
      if (stat.isDirectory()) return [line('dir'), ...listing(root, relative)];
      if (stat.isSymbolicLink()) return [`link ${relative} -> ${fs.readlinkSync(full)}`];
      if (stat.isFile())
        return [line('file', stat.size > 0 && stat.size < 100 ? ` "${fs.readFileSync(full, 'utf8')}"` : '')];
      if (stat.isCharacterDevice() && stat.rdev === 0) return [`whiteout ${relative}`];
      return [line(stat.isFIFO() ? 'fifo' : 'node', stat.isFIFO() ? '' : ` ${stat.rdev >> 8},${stat.rdev & 255}`)];
    });
}
