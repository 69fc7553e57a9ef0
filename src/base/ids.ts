import { createHash, randomBytes } from 'node:crypto';

/** A new id of a pod or container: 64 hexadecimal digits, as the peers have. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}

/** Whether the text is a whole id. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** The part of an id that people read: its first 13 digits, as crictl prints. */
export function shortId(id: string): string {
  return id.slice(0, 13);
}

/** The first `digits` hexadecimal digits of the text's sha256: short names of paths that have to fit a socket address. */
export function hashId(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
