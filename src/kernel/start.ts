import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Log, newId, type Observations, UndoScope } from '../base';
import { prepareAppArmor } from './app-armor/profiles';
import { BulkServer } from './bulk-server';
import { emptyIn } from './cgroups';
import { fileError } from './errors';
import { readFacts } from './facts';
import { readHierarchies } from './hierarchies';
import type { Kernel, KernelFacts } from './kernel';
import { Launcher } from './launcher';
import { LauncherConnection } from './launcher-connection';
import { LauncherKernel } from './launcher-kernel';
import { type LockOptions, openLock, takeLock } from './lock-file';
import { makePlaces, removeIdlePlaces, takeOverPlaces } from './places';
import { delegatedCgroup } from './systemd-unit';

export interface KernelOptions {
  /** The launcher's binary. */
  readonly launcherPath: string;
  /** Folder of sockets; it is made if it is not there. */
  readonly runRoot: string;
  /**
   * The cgroup below which helpers and monitors get theirs, e.g. `/berth-1f2e3d4c`, unless this is a service whose own is
   * delegated to it. One at a time may use it.
   */
  readonly cgroupBase: string;
  /** The lock to hold for life. Without one, the caller answers for being alone. */
  readonly lock?: LockOptions;
  readonly log: Log;
  /** Told of each request to the launcher. */
  readonly observations?: Observations;
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

/**
 * Starts the launcher and takes the lock. When it resolves, the helpers of an earlier process are dead. Rejects with
 * state-locked if the lock is not free in time, program-missing without the launcher's binary.
 */
export async function startKernel(options: KernelOptions): Promise<Kernel> {
  const { lock, log, observations } = options;
  await using undo = new UndoScope(log);
  const [facts, hierarchies, bulkSocket, own] = await Promise.all([
    readFacts(),
    readHierarchies(),
    bulkPath(options.runRoot),
    readFile('/proc/self/cgroup', 'utf8'),
  ]);
  const unit = facts.systemd ? await delegatedCgroup(own, log) : undefined;
  const places = await makePlaces(hierarchies, options.cgroupBase, unit);
  const lockFile = lock && (await openLock(lock));
  undo.add('lock file', async () => lockFile?.close());
  let restarted = false;
  const bulk = new BulkServer(bulkSocket);
  const launcher = new Launcher(
    async () => {
      // Grandchildren of a launcher that died live on: they are taken down before the next one works.
      if (restarted) await emptyIn(places.home, places.helpers);
      restarted = true;
      return LauncherConnection.start({
        path: options.launcherPath,
        bulkPath: bulkSocket,
        helpersDir: places.helpersDir,
        monitorsDirs: places.monitorsDirs,
        lockFd: lockFile?.fd,
        onSocket: (token, socket) => bulk.take(token, socket),
        log,
      });
    },
    log,
    observations,
  );
  undo.add('launcher', () => launcher.close());
  await launcher.connect();
  if (lock && lockFile) await takeLock(lockFile, lock, launcher);
  await takeOverPlaces(places, options.runRoot);
  undo.add('bulk socket', () => bulk[Symbol.asyncDispose]());
  await bulk.listen();
  if (lock) await removeStaleSockets(bulkSocket);
  const kernelWith = (known: KernelFacts) =>
    new LauncherKernel(known, launcher, bulk, hierarchies, async () => {
      await removeIdlePlaces(places);
      await lockFile?.close();
    });
  const appArmor = await prepareAppArmor(kernelWith(facts), log);
  undo.commit();
  return kernelWith({ ...facts, ...appArmor });
}
