import { isAbsolute, resolve } from 'node:path';
import { usageError } from '../failure';

export interface EnvVariable {
  readonly key: string;
  readonly value: string;
}

/** `KEY=value`, or `KEY` alone for the caller's own value. */
export function parseEnv(text: string, own: Readonly<Record<string, string | undefined>>): EnvVariable {
  const [, key, value] = /^([^=]+)(?:=(.*))?$/s.exec(text) ?? [];
  if (key === undefined) throw usageError(`-e ${JSON.stringify(text)}: use KEY=value, or KEY to pass on your own`);
  const found = value ?? own[key];
  if (found === undefined) throw usageError(`-e ${key}: it is not set here; use ${key}=value`);
  return { key, value: found };
}

export interface Volume {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readonly: boolean;
}

/** `/host:/in/container`, with `:ro` behind it for read only. A relative host path is taken from here. */
export function parseVolume(text: string): Volume {
  const [hostPath = '', containerPath = '', mode = 'rw', ...more] = text.split(':');
  const wrong = (why: string) => usageError(`-v ${JSON.stringify(text)}: ${why}; use /host:/in/container[:ro]`);
  if (more.length > 0 || hostPath === '') throw wrong('it has too many or too few parts');
  if (!isAbsolute(containerPath)) throw wrong('the path in the container is not absolute');
  if (mode !== 'ro' && mode !== 'rw') throw wrong(`${JSON.stringify(mode)} is neither ro nor rw`);
  return { hostPath: resolve(hostPath), containerPath, readonly: mode === 'ro' };
}

/** A user of the image by name, or by number with an optional group. */
export type RunUser =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'id'; readonly uid: bigint; readonly gid: bigint | undefined };

/** `name`, `uid` or `uid:gid`. */
export function parseUser(text: string): RunUser {
  const [, uid, gid] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? [];
  if (uid !== undefined) return { kind: 'id', uid: BigInt(uid), gid: gid === undefined ? undefined : BigInt(gid) };
  // CRI takes a group with a numeric user only (LinuxContainerSecurityContext.run_as_group).
  if (text === '' || text.includes(':')) throw usageError(`-u ${JSON.stringify(text)}: use NAME, UID or UID:GID`);
  return { kind: 'name', name: text };
}
