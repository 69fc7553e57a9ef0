import { readlinkSync } from 'node:fs';
import { readFile, realpath, statfs } from 'node:fs/promises';
import { basename } from 'node:path';
import { errnoOf } from '../base';
import { fileError } from './errors';
import { unescapePath } from './hierarchies';

/** A file system as statfs(2) has it, and the device that it was mounted from, as the table of mounts names it. */
export interface FileSystemFigures {
  readonly device: string;
  readonly bytes: bigint;
  /** Undefined where it has no fixed number of them (btrfs). */
  readonly inodes?: bigint;
  readonly freeInodes?: bigint;
}

/** The file system that holds a folder. */
export async function fileSystemOf(path: string): Promise<FileSystemFigures> {
  try {
    const [real, mounts, figures] = await Promise.all([
      realpath(path),
      readFile('/proc/self/mountinfo', 'utf8'),
      statfs(path, { bigint: true }),
    ]);
    const inodes = figures.files > 0n && { inodes: figures.files, freeInodes: figures.ffree };
    return { device: mountedFrom(mounts, real), bytes: figures.blocks * figures.bsize, ...inodes };
  } catch (error) {
    throw fileError({ op: 'read the size of the file system', object: path }, error);
  }
}

/** The source of the mount that a path is on, by a text like /proc/self/mountinfo: of the deepest, the last one. */
export function mountedFrom(mountinfo: string, path: string): string {
  let found = { point: '', source: '' };
  for (const line of mountinfo.split('\n')) {
    const [head = '', tail = ''] = line.split(' - ');
    const point = unescapePath(head.split(' ')[4] ?? '');
    const holds = point === '/' || path === point || path.startsWith(`${point}/`);
    if (point && holds && point.length >= found.point.length)
      found = { point, source: unescapePath(tail.split(' ')[1] ?? '') };
  }
  return found.source;
}

/** The file of a block device, `/dev/sda`; undefined if there is none (any more). */
export function blockDeviceFile(major: number, minor: number): string | undefined {
  const link = `/sys/dev/block/${major}:${minor}`;
  try {
    // A slash in a device's name is an exclamation mark in sysfs.
    return `/dev/${basename(readlinkSync(link)).replaceAll('!', '/')}`;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError({ op: 'look for block device', object: link }, error);
  }
}
