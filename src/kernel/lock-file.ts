import { type FileHandle, open, readFile } from 'node:fs/promises';
import { BerthError, Encoder, isBerthError } from '../base';
import { fileError } from './errors';
import type { Launcher } from './launcher';
import { Op } from './protocol/ops';

/** The one writer's lock: a file, and how long to wait for who holds it. */
export interface LockOptions {
  readonly path: string;
  readonly timeoutMs: number;
}

/** Opens the lock file. The open file description is this process's; the launcher shares it. */
export async function openLock({ path }: LockOptions): Promise<FileHandle> {
  try {
    return await open(path, 'a+', 0o600);
  } catch (error) {
    throw fileError({ op: 'open the lock', object: path }, error);
  }
}

/** Waits for the lock and writes our pid into its file. Rejects with state-locked that names the holder's pid. */
export async function takeLock(file: FileHandle, lock: LockOptions, launcher: Launcher): Promise<void> {
  const subject = { op: 'lock', object: lock.path };
  try {
    // At least a millisecond: zero would be no deadline.
    const timeout = Math.max(1, Math.ceil(lock.timeoutMs));
    await launcher.call(Op.lock, subject, new Encoder().u32(timeout).finish());
  } catch (error) {
    if (!isBerthError(error, 'deadline-exceeded')) throw error;
    const holder = (await readFile(lock.path, 'utf8')).trim();
    throw new BerthError('state-locked', {
      ...subject,
      detail: holder ? `process ${holder} holds it` : 'another process holds it',
      cause: error,
    });
  }
  try {
    await file.truncate(0);
    await file.write(`${process.pid}\n`);
  } catch (error) {
    throw fileError(subject, error);
  }
}
