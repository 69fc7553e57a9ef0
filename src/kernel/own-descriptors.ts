import { readdirSync, readFileSync } from 'node:fs';

/** Descriptors of this process: how many are open, and how many may be (its soft limit). */
export interface OwnDescriptors {
  readonly open: number;
  readonly limit: number;
}

/** Counts them now. The kernel's own files, read at once: a thread for it costs more, and two turns of the event loop. */
export function ownDescriptors(): OwnDescriptors {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const limit = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  // The folder itself is open while it is read.
  return { open: readdirSync('/proc/self/fd').length - 1, limit };
}
