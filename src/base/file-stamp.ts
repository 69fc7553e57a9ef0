import type { BigIntStats } from 'node:fs';

/** What changes whenever a file does: by being written, replaced, or put on another file system. */
export function fileStamp({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}
