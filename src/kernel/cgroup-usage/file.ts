import { closeSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../../base';
import { fileError } from '../errors';
import { wholeNumber } from './parse';

/** Gives the text of a file of cgroupfs, undefined if there is none. */
export type ReadFile = (path: string) => string | undefined;

/** memory.stat has up to 6 KiB, io.stat some 100 bytes for each device; Node's own readFile takes half as long again. */
const buffer = Buffer.allocUnsafe(64 * 1024);

/** Gone, or of a feature that this kernel has switched off (PSI). */
const absent = new Set(['ENOENT', 'ENODEV', 'EOPNOTSUPP']);

/**
 * Opens a file, reads it and closes it. Synchronous: nothing of it is on a disk, and the thread pool would take ten times
 * as long.
 */
export const readSmall: ReadFile = (path) => {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    return textOf(fd);
  } catch (error) {
    return absence(path, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
};

/** The text of an open file, from its beginning: the kernel makes it anew. */
export function textOf(fd: number): string {
  const size = readSync(fd, buffer, 0, buffer.length, 0);
  // Half a line would have half a figure.
  const whole = size < buffer.length ? size : buffer.lastIndexOf('\n') + 1;
  return buffer.toString('latin1', 0, whole);
}

/** What to answer for a file that could not be read: that it is not there, or a throw for everything else. */
export function absence(path: string, error: unknown): undefined {
  if (!absent.has(errnoOf(error) ?? '')) throw fileError({ op: 'read cgroup', object: path }, error);
}

/** The number in a file of one; undefined if it is not there, or has none. */
export function numberIn(path: string, read: ReadFile = readSmall): bigint | undefined {
  return wholeNumber(read(path) ?? '');
}
