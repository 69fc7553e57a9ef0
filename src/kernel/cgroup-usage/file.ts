import { closeSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../../base';
import { fileError } from '../errors';
import { wholeNumber } from './parse';

/** memory.stat has up to 6 KiB, io.stat some 100 bytes for each device; Node's own readFile takes half as long again. */
const buffer = Buffer.allocUnsafe(64 * 1024);

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
    const size = readSync(fd, buffer, 0, buffer.length, 0);
    // Half a line would have half a figure.
    const whole = size < buffer.length ? size : buffer.lastIndexOf('\n') + 1;
    return buffer.toString('latin1', 0, whole);
  } catch (error) {
    if (absent.has(errnoOf(error) ?? '')) return undefined;
    throw fileError({ op: 'read cgroup', object: path }, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The number in a file of one; undefined if it is not there, or has none. */
export function numberIn(path: string): bigint | undefined {
  return wholeNumber(readSmall(path) ?? '');
}
