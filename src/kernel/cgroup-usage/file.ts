import { closeSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../../base';
import { fileError } from '../errors';

/** The longest file that is read, memory.stat, has 2 KiB; Node's own readFile takes half as long again. */
const buffer = Buffer.allocUnsafe(16 * 1024);

/** Gone, or of a feature that this kernel has switched off (PSI). */
const absent = new Set(['ENOENT', 'ENODEV', 'EOPNOTSUPP']);

/**
 * The text of a file of cgroupfs, undefined if there is none. Synchronous: nothing of it is on a disk, and the thread pool
 * would take ten times as long.
 */
export function readSmall(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0));
  } catch (error) {
    if (absent.has(errnoOf(error) ?? '')) return undefined;
    throw fileError({ op: 'read cgroup', object: path }, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
