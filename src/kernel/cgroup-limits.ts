import { open, readdir, readFile, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BerthError, errnoOf, messageOf } from '../base';
import { fileError } from './errors';
import type { Hierarchy } from './hierarchies';

const gone = new Set(['ENOENT', 'ESRCH', 'ENODEV']);
/** Of a write: the value, or the limit itself, is what the kernel does not take. */
const unwritable = new Set(['EINVAL', 'ERANGE', 'EBUSY', 'ENOENT', 'EACCES', 'EPERM']);
const unreadable = new Set(['EACCES', 'EINVAL', 'EOPNOTSUPP']);

/** Whether a v1 or the unified hierarchy is where the file of a controller is (`memory.max`, `hugetlb.2MB.limit_in_bytes`). */
const has = ({ version, controllers }: Hierarchy, file: string): boolean =>
  version === 2 || controllers.includes(file.slice(0, file.indexOf('.')));

/** The hierarchy of a file's controller. v1 goes first: on a hybrid host it has the controllers. */
const hierarchyOf = (hierarchies: readonly Hierarchy[], file: string): Hierarchy | undefined =>
  [...hierarchies].sort((a, b) => a.version - b.version).find((one) => has(one, file));

/** Reads files of a cgroup, as they are; what is not there, or cannot be read, is left out. */
export async function readLimitsIn(
  hierarchies: readonly Hierarchy[],
  path: string,
  files: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const read = async (file: string): Promise<readonly (readonly [string, string])[]> => {
    const hierarchy = hierarchyOf(hierarchies, file);
    if (!hierarchy) return [];
    const object = join(hierarchy.dir, path, file);
    try {
      return [[file, await readFile(object, 'utf8')]];
    } catch (error) {
      // Some of v2's files are to be written only, or not for this cgroup.
      if (gone.has(errnoOf(error) ?? '') || unreadable.has(errnoOf(error) ?? '')) return [];
      throw fileError({ op: 'read cgroup', object }, error);
    }
  };
  return Object.fromEntries((await Promise.all(files.map(read))).flat());
}

/** Writes files of a cgroup, one after the other, in the hierarchy of their controller. */
export async function limitIn(
  hierarchies: readonly Hierarchy[],
  path: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [file, value] of Object.entries(files)) {
    const hierarchy = hierarchyOf(hierarchies, file);
    const object = join(hierarchy?.dir ?? '/sys/fs/cgroup', path, file);
    if (!hierarchy)
      throw new BerthError('kernel-refused', { op: 'limit cgroup', object, detail: 'no hierarchy has its controller' });
    try {
      await writeFile(object, value, { flag: 'r+' });
    } catch (error) {
      throw await limitError(object, error);
    }
  }
}

/** Where the cgroup is there, the kernel refuses the value, or has no such limit: both are what was asked for. */
async function limitError(object: string, error: unknown): Promise<BerthError> {
  const subject = { op: 'limit cgroup', object };
  const there = unwritable.has(errnoOf(error) ?? '') && (await stat(dirname(object)).catch(() => undefined));
  if (!there) return fileError(subject, error);
  return new BerthError('container-limits', { ...subject, detail: messageOf(error), cause: error });
}

/** Sets the oom_score_adj of every process in the cgroup; children that are forked later inherit it. */
export async function scoreIn(hierarchy: Hierarchy, path: string, score: number): Promise<void> {
  const dir = join(hierarchy.dir, path);
  const opened = await Promise.all((await processesIn(dir)).map(openScore));
  // Each file is that of one process: if its pid is still in the cgroup now, that is the one.
  const there = new Set(await processesIn(dir));
  const files = opened.filter((one) => one !== undefined);
  await Promise.all(files.map((one) => writeScore(one, there.has(one.pid) ? score : undefined)));
}

interface ScoreFile {
  readonly pid: number;
  readonly file: FileHandle;
}

/** Undefined if the process has ended. */
async function openScore(pid: number): Promise<ScoreFile | undefined> {
  try {
    return { pid, file: await open(`/proc/${pid}/oom_score_adj`, 'r+') };
  } catch (error) {
    if (gone.has(errnoOf(error) ?? '')) return undefined;
    throw scoreError(pid, error);
  }
}

/** Writes the score, if there is one to be written, and closes the file. */
async function writeScore({ pid, file }: ScoreFile, score: number | undefined): Promise<void> {
  try {
    if (score !== undefined) await file.writeFile(String(score));
  } catch (error) {
    if (!gone.has(errnoOf(error) ?? '')) throw scoreError(pid, error);
  } finally {
    await file.close();
  }
}

const scoreError = (pid: number, error: unknown): BerthError =>
  fileError({ op: 'set oom_score_adj', object: `process ${pid}` }, error);

/** Of the cgroup and all below it. */
async function processesIn(dir: string): Promise<number[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    const below = entries.filter((entry) => entry.isDirectory()).map((entry) => processesIn(join(dir, entry.name)));
    const own = (await readFile(join(dir, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean).map(Number);
    return [...own, ...(await Promise.all(below)).flat()];
  } catch (error) {
    if (gone.has(errnoOf(error) ?? '')) return [];
    throw fileError({ op: 'list the processes of cgroup', object: dir }, error);
  }
}
