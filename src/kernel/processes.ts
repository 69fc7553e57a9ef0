import { opendirSync, readlinkSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base';
import { childrenOf } from './cgroups';
import { fileError } from './errors';
import { type Hierarchy, readHierarchies } from './hierarchies';

/** What the processes of a cgroup, and of those below it, hold. */
export interface ProcessFigures {
  readonly processes: number;
  /** Undefined where there are more than are counted, or they cannot be seen. */
  readonly fileDescriptors?: number | undefined;
  /** Those of them that are sockets. */
  readonly sockets?: number | undefined;
  /** The soft limit of open files of the init; undefined without a limit. */
  readonly openFilesLimit?: bigint | undefined;
}

/** Counts processes and their files. Not for reads: it takes as long as there are many. */
export interface ProcessCounter {
  /** `rest` is awaited between steps of at most some hundred microseconds. Undefined if there is no such cgroup. */
  count(path: string, initPid: number, rest: () => Promise<void>): Promise<ProcessFigures | undefined>;
}

/** Of one cgroup so many processes and links are looked at: some tens of milliseconds. */
const most = { processes: 1024, links: 4096 };
/** Links that are read in one step. */
const stepLinks = 64;

/** The counter of the hierarchies that are mounted now. */
export async function openProcessCounter(): Promise<ProcessCounter> {
  return processCounter(await readHierarchies(), '/proc');
}

/** A process is where its tasks are counted, or in v2. `proc` is where processes are seen. */
export function processCounter(hierarchies: readonly Hierarchy[], proc: string): ProcessCounter {
  const having = hierarchies.find(({ controllers }) => controllers.includes('pids'));
  const dir = (having ?? hierarchies.find(({ version }) => version === 2))?.dir;
  return {
    async count(path, initPid, rest) {
      const pids = dir === undefined ? undefined : await pidsBelow(dir + path);
      if (!pids) return undefined;
      const files = pids.length > most.processes ? {} : await filesOf(pids, proc, rest);
      // Another process may have the pid of one that has ended; in the cgroup it is the init.
      const openFilesLimit = pids.includes(initPid) ? await softOpenFiles(join(proc, `${initPid}/limits`)) : undefined;
      return { processes: pids.length, openFilesLimit, ...files };
    },
  };
}

/** Commands of exec have cgroups of their own, below the container's. */
async function pidsBelow(dir: string): Promise<readonly number[] | undefined> {
  const file = join(dir, 'cgroup.procs');
  const text = await readFile(file, 'latin1').catch(goneFor('count processes', file));
  if (text === undefined) return undefined;
  const pids = text.split('\n').map(Number);
  for (const child of await childrenOf(dir)) pids.push(...((await pidsBelow(child)) ?? []));
  return pids.filter((pid) => pid > 0);
}

/** Open files of all of them; a process that has ended has none. */
async function filesOf(
  pids: readonly number[],
  proc: string,
  rest: () => Promise<void>,
): Promise<Pick<ProcessFigures, 'fileDescriptors' | 'sockets'>> {
  let fileDescriptors = 0;
  let sockets: number | undefined = 0;
  let links = most.links;
  for (const pid of pids) {
    await rest();
    const dir = join(proc, `${pid}/fd`);
    try {
      // Linux 6.2 and later tell the number as the folder's size: so many need not be looked at to be counted.
      const { size } = statSync(dir);
      if (size > links) {
        fileDescriptors += size;
        sockets = undefined;
        continue;
      }
      for (const name of namesIn(dir)) {
        if (links-- === 0) return {};
        if (links % stepLinks === 0) await rest();
        fileDescriptors += 1;
        if (sockets !== undefined && isSocket(join(dir, name))) sockets += 1;
      }
    } catch (error) {
      if (isHidden(error)) return {};
      goneFor('count open files', dir)(error);
    }
  }
  return { fileDescriptors, sockets };
}

function* namesIn(dir: string): Generator<string> {
  const folder = opendirSync(dir);
  try {
    for (let entry = folder.readSync(); entry; entry = folder.readSync()) yield entry.name;
  } finally {
    folder.closeSync();
  }
}

function isSocket(link: string): boolean {
  try {
    return readlinkSync(link).startsWith('socket:');
  } catch (error) {
    // Closed in between.
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** The soft limit in a file like /proc/<pid>/limits. */
async function softOpenFiles(file: string): Promise<bigint | undefined> {
  const text = await readFile(file, 'latin1').catch(goneFor('read limits', file));
  const soft = /^Max open files +(\d+)/m.exec(text ?? '')?.[1];
  return soft === undefined ? undefined : BigInt(soft);
}

/** A process of a user that berthd may not look into, which takes a berthd without CAP_SYS_PTRACE. */
function isHidden(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(errnoOf(error) ?? '');
}

function goneFor(op: string, object: string): (error: unknown) => undefined {
  return (error) => {
    if (!['ENOENT', 'ENODEV', 'ESRCH'].includes(errnoOf(error) ?? '')) throw fileError({ op, object }, error);
    return undefined;
  };
}
