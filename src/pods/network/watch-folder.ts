import { watch, type FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { errnoOf, messageOf, type Log } from '../../base';

/** How often it is looked whether the path leads to the same folder. */
const lookMs = 1_000;

/**
 * Calls back once it watches, after each change in the folder, and when the path leads to another one: deleted and made again, renamed,
 * mounted over. inotify alone goes on watching the folder that was there at first.
 */
export function watchFolder(path: string, changed: () => void, log: Log): Disposable {
  let watcher: FSWatcher | undefined;
  let seen: string | undefined;
  let closed = false;

  const follow = (identity: string | undefined): void => {
    watcher?.close();
    watcher = undefined;
    if (identity !== undefined) {
      watcher = watch(path, { persistent: false }, changed);
      watcher.on('error', (error) => log.error({ err: error }, `no longer watched: ${path}: ${messageOf(error)}`));
    }
    // Not before it is watched: a folder that could not be is tried again.
    seen = identity;
  };

  const look = async (): Promise<void> => {
    const now = await identityOf(path);
    if (closed || now === seen) return;
    follow(now);
    changed();
  };
  const tryLook = (): void => {
    look().catch((error: unknown) => log.debug({ err: error }, `cannot be watched: ${path}: ${messageOf(error)}`));
  };
  tryLook();
  const timer = setInterval(tryLook, lookMs);
  timer.unref();

  return {
    [Symbol.dispose]: () => {
      closed = true;
      clearInterval(timer);
      watcher?.close();
    },
  };
}

/** Tells a folder from a later one of the same path; inode numbers are used again. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, birthtimeNs } = await stat(path, { bigint: true });
    return [dev, ino, birthtimeNs].join(':');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
