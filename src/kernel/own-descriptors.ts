import { readdir, readFile } from 'node:fs/promises';

/** Descriptors of this process: how many are open, and how many may be (its soft limit). */
export interface OwnDescriptors {
  readonly open: number;
  readonly limit: number;
}

/** Counts them now: one folder of the kernel's, off the event loop. */
export async function ownDescriptors(): Promise<OwnDescriptors> {
  const [names, limits] = await Promise.all([readdir('/proc/self/fd'), readFile('/proc/self/limits', 'utf8')]);
  const limit = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  // The folder itself was open while it was read.
  return { open: names.length - 1, limit };
}
