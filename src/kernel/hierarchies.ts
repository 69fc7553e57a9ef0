import { readFile } from 'node:fs/promises';

/** One mounted cgroup file system. */
export interface Hierarchy {
  readonly dir: string;
  readonly version: 1 | 2;
  /** Of a v1 hierarchy: `memory`, `cpu`, `name=systemd`. */
  readonly controllers: readonly string[];
}

/** A path in a table of mounts, where blanks stand in octal. */
export const unescapePath = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));

/** The cgroup hierarchies in a text like /proc/mounts, in its order. */
export function parseHierarchies(mounts: string): Hierarchy[] {
  const plain = new Set([
    'rw',
    'ro',
    'nosuid',
    'nodev',
    'noexec',
    'relatime',
    'noatime',
    'nodiratime',
    'clone_children',
    'xattr',
  ]);
  const found = new Map<string, Hierarchy>();
  for (const line of mounts.split('\n')) {
    const [, dir = '', type, options = ''] = line.split(' ');
    if (type === 'cgroup2') found.set(dir, { dir: unescapePath(dir), version: 2, controllers: [] });
    if (type !== 'cgroup') continue;
    const controllers = options
      .split(',')
      .filter((option) => !plain.has(option) && !option.startsWith('release_agent='));
    found.set(dir, { dir: unescapePath(dir), version: 1, controllers });
  }
  return [...found.values()];
}

/** The hierarchies that are mounted now. */
export async function readHierarchies(): Promise<Hierarchy[]> {
  return parseHierarchies(await readFile('/proc/self/mounts', 'utf8'));
}

/** The layout that the hierarchies make up. */
export function cgroupLayout(hierarchies: readonly Hierarchy[]): 'v1' | 'hybrid' | 'v2' {
  const unified = hierarchies.some(({ version }) => version === 2);
  const legacy = hierarchies.some(({ version }) => version === 1);
  if (!legacy) return 'v2';
  return unified ? 'hybrid' : 'v1';
}

/** Where a group of our own processes is kept together: the unified hierarchy, or on v1 one that everybody has. */
export function homeHierarchy(hierarchies: readonly Hierarchy[]): Hierarchy | undefined {
  const having = (controller: string) => hierarchies.find(({ controllers }) => controllers.includes(controller));
  return hierarchies.find(({ version }) => version === 2) ?? having('pids') ?? having('freezer') ?? hierarchies[0];
}
