import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BerthError, errnoOf, pause } from '../base';
import { fileError } from './errors';
import type { Hierarchy } from './hierarchies';

const gone = new Set(['ENOENT', 'ENODEV']);
/** The first and the longest wait between two looks at a cgroup that is dying, in milliseconds: v1 has no event for it. */
const pollMs = { first: 1, last: 20 };

const ignoring = (codes: ReadonlySet<string>) => (error: unknown) => {
  if (!codes.has(errnoOf(error) ?? '')) throw error;
  return undefined;
};

/** A v1 cpuset takes no process until it has cpus and memory nodes: a new one gets its parent's. */
async function inheritCpuset(dir: string): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const value = await readFile(join(dirname(dir), file), 'utf8');
    await writeFile(join(dir, file), value);
  }
}

async function make({ controllers }: Hierarchy, dir: string): Promise<void> {
  try {
    await mkdir(dir);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw error;
  }
  if (controllers.includes('cpuset')) await inheritCpuset(dir);
}

/** Makes the cgroup and its parents in one hierarchy; one that is there is success. */
export async function createIn(hierarchy: Hierarchy, path: string): Promise<void> {
  const dir = join(hierarchy.dir, path);
  try {
    return await make(hierarchy, dir);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || path === '/') throw fileError({ op: 'make cgroup', object: dir }, error);
  }
  await createIn(hierarchy, dirname(path));
  try {
    return await make(hierarchy, dir);
  } catch (error) {
    throw fileError({ op: 'make cgroup', object: dir }, error);
  }
}

/** The folders of the cgroups right below one; none if it is gone. */
export async function childrenOf(dir: string): Promise<string[]> {
  const entries = (await readdir(dir, { withFileTypes: true }).catch(ignoring(gone))) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(dir, entry.name));
}

/** Sends SIGKILL to what is in the cgroup and below it; gives whether there was anything. */
async function killTree(dir: string): Promise<boolean> {
  let found = false;
  for (const child of await childrenOf(dir)) found = (await killTree(child)) || found;
  const procs = (await readFile(join(dir, 'cgroup.procs'), 'utf8').catch(ignoring(gone))) ?? '';
  for (const pid of procs.split('\n').map(Number)) {
    if (!(pid > 1)) continue;
    found = true;
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (errnoOf(error) !== 'ESRCH') throw fileError({ op: 'kill', object: `process ${pid}` }, error);
    }
  }
  return found;
}

/** What is frozen does not die: v1's freezer is opened. Elsewhere there is no such file. */
async function thaw(dir: string): Promise<void> {
  await writeFile(join(dir, 'freezer.state'), 'THAWED', { flag: 'r+' }).catch(ignoring(gone));
}

/** Kills what is in a cgroup that is about to be removed: never to be started in again, see `emptyIn`. */
async function killForGood(hierarchy: Hierarchy, dir: string): Promise<void> {
  // cgroup.kill (Linux 5.14) takes the whole tree at one instant, what it forks meanwhile included.
  if (hierarchy.version === 2) await writeFile(join(dir, 'cgroup.kill'), '1', { flag: 'r+' }).catch(ignoring(gone));
  await killTree(dir);
  if (hierarchy.controllers.includes('freezer')) await thaw(dir);
}

/** Looks again and again, ever less often, until the step says that it is done. */
async function poll(op: string, signal: AbortSignal | undefined, step: () => Promise<boolean>): Promise<void> {
  for (let ms = pollMs.first; !(await step()); ms = Math.min(ms * 2, pollMs.last)) await pause(ms, signal, op);
}

/**
 * Kills what is in the cgroup of one hierarchy and waits until it is empty. Process by process: Linux 6.14 and later
 * kill every child that clone3 starts in a cgroup that has once been killed by cgroup.kill.
 */
export async function emptyIn(hierarchy: Hierarchy, path: string, signal?: AbortSignal): Promise<void> {
  const dir = join(hierarchy.dir, path);
  await poll(`empty cgroup ${dir}`, signal, async () => !(await killTree(dir)));
}

async function removeTree(dir: string): Promise<boolean> {
  for (const child of await childrenOf(dir)) if (!(await removeTree(child))) return false;
  try {
    await rmdir(dir);
    return true;
  } catch (error) {
    if (gone.has(errnoOf(error) ?? '')) return true;
    // Processes that have been killed leave it in their own time; a cgroup may be made in it meanwhile.
    if (errnoOf(error) === 'EBUSY' || errnoOf(error) === 'ENOTEMPTY') return false;
    throw fileError({ op: 'remove cgroup', object: dir }, error);
  }
}

/** Empties and removes the cgroup of one hierarchy; one that is not there is success. */
export async function removeIn(hierarchy: Hierarchy, path: string, signal?: AbortSignal): Promise<void> {
  const dir = join(hierarchy.dir, path);
  await poll(`remove cgroup ${dir}`, signal, async () => {
    await killForGood(hierarchy, dir);
    return removeTree(dir);
  });
}

/** Removes the cgroup of one hierarchy if no process and no cgroup is in it; false if it is in use. Never kills. */
export async function removeEmptyIn(hierarchy: Hierarchy, path: string): Promise<boolean> {
  const dir = join(hierarchy.dir, path);
  try {
    await rmdir(dir);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'EBUSY' || errno === 'ENOTEMPTY') return false;
    if (!gone.has(errno)) throw fileError({ op: 'remove cgroup', object: dir }, error);
  }
  return true;
}

/** The path and the folders above it, up to and with `top`; the path alone if `top` is none of them. */
export function foldersUpTo(path: string, top: string): readonly string[] {
  const above = path !== top && path.startsWith(`${top}/`);
  return above ? [path, ...foldersUpTo(dirname(path), top)] : [path];
}

/** The highest folder of the path that is in none of the hierarchies. */
export async function missingIn(hierarchies: readonly Hierarchy[], path: string): Promise<string | undefined> {
  const there = await Promise.all(hierarchies.map(({ dir }) => isFolder(join(dir, path))));
  if (path === '/' || there.some(Boolean)) return undefined;
  return (await missingIn(hierarchies, dirname(path))) ?? path;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw fileError({ op: 'look for cgroup', object: path }, error);
  }
}

/** Refuses a path that is not that of a cgroup below the root. */
export function checkCgroupPath(op: string, path: string): void {
  if (!path.startsWith('/') || path === '/' || path.split('/').some((part) => part === '..' || part === '.'))
    throw new BerthError('argument-invalid', { op, object: path, detail: 'it is no absolute path of a cgroup' });
}
