import { join } from 'node:path';

/**
 * Where what is damaged is kept for a person to look at: `<root>/damaged/<time>-<name>`, on the file system that it was
 * on. Nothing reads it again but `berth check`, which lists it and, with --discard, deletes it.
 */
export function asidePath(root: string, name: string, nowMs = Date.now()): string {
  const time = new Date(nowMs).toISOString().replace(/[-:]/g, '');
  return join(root, 'damaged', `${time}-${name.replace(/[^0-9A-Za-z_.-]/g, '_').slice(0, 128)}`);
}

/** When something was set aside, in milliseconds since the epoch; undefined for a name that `asidePath` did not make. */
export function asideTime(name: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\d\.\d{3}Z)-/.exec(name);
  const ms = match ? Date.parse(`${match[1]}-${match[2]}-${match[3]}:${match[4]}:${match[5]}`) : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
