import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Daemon } from '../daemon';
import { daemonUnderTest } from '../suite';

/** The places where requests could leave something, and the daemon's process. */
export class Machine {
  private constructor(
    private readonly daemon: Daemon | undefined,
    private readonly began: string | undefined,
    /** Folders of ours: what is left in them is removed. */
    private readonly own: readonly string[],
    private readonly before: ReadonlySet<string>,
  ) {}

  static async watch(folder: string): Promise<Machine> {
    const daemon = await daemonUnderTest();
    // The daemon's folder is where relative paths would lead.
    const own = [folder, ...(daemon ? [daemon.layout.dir] : [])];
    return new Machine(daemon, await beginOf(daemon), own, new Set(await namesIn([...own, '/'])));
  }

  /** Removes what is new in our folders; gives it if there should be none. */
  async takeStrays(refused: boolean): Promise<string | undefined> {
    const strays = (await namesIn([...this.own, '/'])).filter((path) => !this.before.has(path));
    const ours = strays.filter((path) => this.own.some((folder) => path.startsWith(`${folder}/`)));
    await Promise.all(ours.map((path) => rm(path, { recursive: true, force: true })));
    // A pod's folder for logs is a kubelet's to make and to remove: it may be there before a pod fails late.
    const wrong = strays.filter((path) => !path.endsWith('/logs'));
    return refused && wrong.length > 0 ? `it was refused, and made ${wrong.join(', ').slice(0, 500)}` : undefined;
  }

  /** Throws if the daemon has ended, or is another process. */
  async expectSameDaemon(): Promise<void> {
    if ((await beginOf(this.daemon)) !== this.began) throw new Error('the daemon has ended');
  }
}

/** When a process began: what tells it from a later one of the same number. */
async function beginOf(daemon: Daemon | undefined): Promise<string | undefined> {
  if (daemon === undefined) return undefined;
  const stat = await readFile(`/proc/${daemon.pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')')).split(' ')[20];
}

async function namesIn(folders: readonly string[]): Promise<readonly string[]> {
  const lists = folders.map(async (folder) => (await readdir(folder)).map((name) => join(folder, name)));
  return (await Promise.all(lists)).flat();
}
