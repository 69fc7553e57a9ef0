import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { World } from './world';

/** What the kernel says of a container's cgroup, read by the test itself: CPU in nanoseconds, memory in bytes. */
export interface CgroupFigures {
  readonly cpuNs: number;
  readonly memory: { readonly usage: number; readonly workingSet: number; readonly pageFaults: number };
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

/** What the kernel's files say of a container now. */
export async function cgroupFigures(world: World, containerId: string): Promise<CgroupFigures> {
  const { of: v1, unified, pure } = await cgroupFolders(world, containerId);
  const pressure = unified !== undefined && (await isThere(join(unified, 'cpu.pressure')));
  if (pure) return { ...(await readV2(v1('memory'))), pressure };
  const stat = await readKeys(join(v1('memory'), 'memory.stat'));
  const usage = await readNumber(join(v1('memory'), 'memory.usage_in_bytes'));
  return {
    cpuNs: await readNumber(join(v1('cpuacct'), 'cpuacct.usage')),
    memory: {
      usage,
      workingSet: usage - (stat.get('total_inactive_file') ?? NaN),
      pageFaults: stat.get('total_pgfault') ?? NaN,
    },
    pressure,
  };
}

async function readV2(dir: string): Promise<Omit<CgroupFigures, 'pressure'>> {
  const stat = await readKeys(join(dir, 'memory.stat'));
  const usage = await readNumber(join(dir, 'memory.current'));
  const cpu = (await readKeys(join(dir, 'cpu.stat'))).get('usage_usec') ?? NaN;
  const memory = {
    usage,
    workingSet: usage - (stat.get('inactive_file') ?? NaN),
    pageFaults: stat.get('pgfault') ?? NaN,
  };
  return { cpuNs: cpu * 1000, memory };
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
