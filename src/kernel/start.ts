import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError, type Log, newId, UndoScope } from '../base';
import { BulkServer } from './bulk-server';
import { checkCgroupPath, createIn, emptyIn, removeEmptyIn } from './cgroups';
import { fileError } from './errors';
import { readFacts } from './facts';
import { type Hierarchy, homeHierarchy, readHierarchies } from './hierarchies';
import type { Kernel } from './kernel';
import { Launcher } from './launcher';
import { LauncherConnection } from './launcher-connection';
import { LauncherKernel } from './launcher-kernel';
import { type LockOptions, openLock, takeLock } from './lock-file';

export interface KernelOptions {
  /** The launcher's binary. */
  readonly launcherPath: string;
  /** Folder of sockets; it is made if it is not there. */
  readonly runRoot: string;
  /** The cgroup below which helpers and monitors get theirs, e.g. `/berth-1f2e3d4c`. One at a time may use it. */
  readonly cgroupBase: string;
  /** The lock to hold for life. Without one, the caller answers for being alone. */
  readonly lock?: LockOptions;
  readonly log: Log;
}

const bulkPrefix = 'bulk-';

/** A name for our socket; those of processes that were killed are removed later, under the lock. */
async function bulkPath(runRoot: string): Promise<string> {
  const dir = join(runRoot, 's');
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileError({ op: 'make the folder of sockets', object: dir }, error);
  }
  return join(dir, `${bulkPrefix}${newId().slice(0, 8)}`);
}

async function removeStaleSockets(current: string): Promise<void> {
  const dir = join(current, '..');
  for (const name of await readdir(dir)) {
    const path = join(dir, name);
    if (name.startsWith(bulkPrefix) && path !== current) await rm(path, { force: true });
  }
}

interface Places {
  readonly home: Hierarchy;
  readonly helpers: string;
  readonly helpersDir: string;
  readonly monitorsDirs: readonly string[];
}

/** Makes the two cgroups. Monitors get one of v1's memory controller too: their logs' pages are not charged to us. */
async function makePlaces(hierarchies: readonly Hierarchy[], base: string): Promise<Places> {
  checkCgroupPath('start the kernel', base);
  const home = homeHierarchy(hierarchies);
  if (!home)
    throw new BerthError('kernel-refused', { op: 'start the kernel', detail: 'no cgroup file system is mounted' });
  const helpers = join(base, 'helpers');
  const monitors = join(base, 'monitors');
  const memory = hierarchies.filter((one) => one !== home && one.controllers.includes('memory'));
  await createIn(home, helpers);
  for (const hierarchy of [home, ...memory]) await createIn(hierarchy, monitors);
  return {
    home,
    helpers,
    helpersDir: join(home.dir, helpers),
    monitorsDirs: [home, ...memory].map(({ dir }) => join(dir, monitors)),
  };
}

/** Where no monitor and no pod is left, nothing of us is: the cgroups go too. */
async function removeIdlePlaces(hierarchies: readonly Hierarchy[], base: string): Promise<void> {
  for (const path of [join(base, 'helpers'), join(base, 'monitors'), base]) {
    await Promise.all(hierarchies.map((hierarchy) => removeEmptyIn(hierarchy, path)));
  }
}

/**
 * Starts the launcher and takes the lock. When it resolves, the helpers of an earlier process are dead. Rejects with
 * state-locked if the lock is not free in time, program-missing without the launcher's binary.
 */
export async function startKernel(options: KernelOptions): Promise<Kernel> {
  const { lock, log } = options;
  await using undo = new UndoScope(log);
  const [facts, hierarchies, bulkSocket] = await Promise.all([
    readFacts(),
    readHierarchies(),
    bulkPath(options.runRoot),
  ]);
  const places = await makePlaces(hierarchies, options.cgroupBase);
  const lockFile = lock && (await openLock(lock));
  undo.add('lock file', async () => lockFile?.close());
  let restarted = false;
  const launcher = new Launcher(async () => {
    // Grandchildren of a launcher that died live on: they are taken down before the next one works.
    if (restarted) await emptyIn(places.home, places.helpers);
    restarted = true;
    return LauncherConnection.start({
      path: options.launcherPath,
      bulkPath: bulkSocket,
      helpersDir: places.helpersDir,
      monitorsDirs: places.monitorsDirs,
      lockFd: lockFile?.fd,
      log,
    });
  }, log);
  undo.add('launcher', () => launcher.close());
  await launcher.connect();
  if (lock && lockFile) await takeLock(lockFile, lock, launcher);
  await emptyIn(places.home, places.helpers);
  const bulk = new BulkServer(bulkSocket);
  undo.add('bulk socket', () => bulk[Symbol.asyncDispose]());
  await bulk.listen();
  if (lock) await removeStaleSockets(bulkSocket);
  undo.commit();
  return new LauncherKernel(facts, launcher, bulk, hierarchies, async () => {
    await removeIdlePlaces(hierarchies, options.cgroupBase);
    await lockFile?.close();
  });
}
