import { access, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { World } from './world';

/** What the kernel says of a container's cgroup, read by the test itself: CPU in nanoseconds, memory in bytes. */
export interface CgroupFigures {
  readonly cpuNs: number;
  readonly memory: {
    readonly usage: number;
    readonly workingSet: number;
    readonly rss: number;
    readonly pageFaults: number;
    readonly majorPageFaults: number;
    /** Undefined where there is none. */
    readonly limit: number | undefined;
  };
  readonly tasks: number;
  /** Whether there are pressure files for it. */
  readonly pressure: boolean;
}

const root = '/sys/fs/cgroup';

/** The cgroup of a name in a parent, as `cgroup_parent`: a path, or a slice. */
export function cgroupBelow(parent: string, name: string): string {
  return parent.endsWith('.slice')
    ? `${parent.slice(0, -'.slice'.length)}-${name.replaceAll('-', '_')}.slice`
    : `${parent}/${name}`;
}

/** Where the files of a container's cgroup are. */
export interface CgroupFolders {
  /** Of a controller of v1, or of v2 where there is nothing else. */
  of(controller: string): string;
  readonly unified: string | undefined;
  /** v2 and nothing else. */
  readonly pure: boolean;
}

/** Finds the cgroup by the container's init, as the kernel tells it. */
export async function cgroupFolders(world: World, containerId: string): Promise<CgroupFolders> {
  const { info } = await world.cri.containerStatusVerbose(containerId);
  const { pid } = JSON.parse(info['info'] ?? '{}') as { readonly pid?: number };
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).trim().split('\n');
  const places = lines.map((line) => /^\d+:([^:]*):(.*)$/.exec(line)?.slice(1) ?? []);
  const unified = places.find(([names]) => names === '')?.[1];
  const pure = places.length === 1;
  const unifiedDir = unified === undefined ? undefined : join(root, pure ? '' : 'unified', unified);
  const v1 = (name: string) => {
    const [names = '', path = ''] = places.find(([all]) => all?.split(',').includes(name)) ?? [];
    return join(root, names, path);
  };
  return { of: pure ? () => unifiedDir ?? root : v1, unified: unifiedDir, pure };
}

/** The same of the cgroup above: the pod's, where it was made with one of its own (`podWithCgroup`). */
export function foldersAbove({ of, unified, pure }: CgroupFolders): CgroupFolders {
  return { of: (controller) => dirname(of(controller)), unified: unified && dirname(unified), pure };
}

/** What the kernel's files say of a container now. */
export async function cgroupFigures(world: World, containerId: string): Promise<CgroupFigures> {
  return figuresIn(await cgroupFolders(world, containerId));
}

/** What the kernel's files say of a cgroup now. */
export async function figuresIn({ of, unified, pure }: CgroupFolders): Promise<CgroupFigures> {
  const pressure = unified !== undefined && (await isThere(join(unified, 'cpu.pressure')));
  const tasks = await readNumber(join(of('pids'), 'pids.current'));
  const cpuNs = pure
    ? ((await readKeys(join(of('cpu'), 'cpu.stat'))).get('usage_usec') ?? NaN) * 1000
    : await readNumber(join(of('cpuacct'), 'cpuacct.usage'));
  return { cpuNs, memory: await memoryIn(of('memory'), pure), tasks, pressure };
}

async function memoryIn(dir: string, pure: boolean): Promise<CgroupFigures['memory']> {
  const stat = await readKeys(join(dir, 'memory.stat'));
  // v1 has the figures of the cgroup alone beside those with all below it.
  const figure = (v2: string, v1 = v2) => stat.get(pure ? v2 : `total_${v1}`) ?? NaN;
  const usage = await readNumber(join(dir, pure ? 'memory.current' : 'memory.usage_in_bytes'));
  // `max` is no number, and v1 has one that no machine has.
  const limit = await readNumber(join(dir, pure ? 'memory.max' : 'memory.limit_in_bytes'));
  return {
    usage,
    workingSet: usage - figure('inactive_file'),
    rss: figure('anon', 'rss'),
    pageFaults: figure('pgfault'),
    majorPageFaults: figure('pgmajfault'),
    limit: limit < 2 ** 60 ? limit : undefined,
  };
}

/** A file of one number. */
export async function readNumber(path: string): Promise<number> {
  return Number(await readFile(path, 'utf8'));
}

/** A file of lines `<key> <number>`. */
export async function readKeys(path: string): Promise<ReadonlyMap<string, number>> {
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  return new Map(lines.map((line) => line.split(' ')).map(([key = '', value]) => [key, Number(value)]));
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
