import { access, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, nowNs } from '../base';
import { dataFile, openEnvironment } from './environment';

/**
 * Puts the state into a new file, before anything is written, so that all of it is on the disk: what a killed process had
 * committed and not flushed, too.
 *
 * LMDB as lmdb-js builds it commits before it flushes (overlappingSync), and notes in the file which commit was flushed
 * last: a power loss falls back to that one. It is safe because the pages of that one are not reused before a later one is
 * flushed - but a process that opens the file after a kill takes what it finds for flushed, and reuses them with its first
 * write. A file in which no commit was ever flushed has nothing to fall back to either. Both cannot be told to LMDB from
 * outside; so the new file gets one commit, flushed, before it takes the old one's place.
 */
export async function renew(folder: string): Promise<void> {
  const made = join(folder, 'new');
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { mode: 0o700 });
  try {
    if (await isThere(dataFile(folder))) await copy(folder, made);
    const env = openEnvironment(made);
    try {
      await env.openDB<unknown, string>({ name: 'renewed' }).put('at', nowNs());
      await env.flushed;
    } finally {
      await env.close();
    }
    await sync(dataFile(made));
    await rename(dataFile(made), dataFile(folder));
    await sync(folder);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

async function copy(from: string, to: string): Promise<void> {
  const env = openEnvironment(from);
  try {
    // Compact: without the notes of the old file, which the new one's flush then makes anew.
    await env.backup(to, true);
  } finally {
    await env.close();
  }
}

async function sync(path: string): Promise<void> {
  await using handle = await open(path, 'r');
  await handle.sync();
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
