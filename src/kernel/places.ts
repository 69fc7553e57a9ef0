import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError, errnoOf } from '../base';
import { checkCgroupPath, createIn, emptyIn, removeEmptyIn } from './cgroups';
import { fileError } from './errors';
import { type Hierarchy, homeHierarchy } from './hierarchies';

/** The cgroups of berth's own processes. */
export interface Places {
  readonly hierarchies: readonly Hierarchy[];
  /** The hierarchy by which the helpers are kept together. */
  readonly home: Hierarchy;
  /** Below which they all are. */
  readonly base: string;
  /** `base` is a unit's, and so systemd's to remove. */
  readonly inUnit: boolean;
  readonly helpers: string;
  readonly helpersDir: string;
  readonly monitorsDirs: readonly string[];
}

/**
 * Makes the cgroups of helpers and monitors: in the service's own cgroup if it is delegated, else in `outside`. Monitors get
 * one of v1's memory controller too: their logs' pages are not charged to us.
 */
export async function makePlaces(
  hierarchies: readonly Hierarchy[],
  outside: string,
  unit: string | undefined,
): Promise<Places> {
  const base = unit ?? outside;
  checkCgroupPath('start the kernel', base);
  const home = homeHierarchy(hierarchies);
  if (!home)
    throw new BerthError('kernel-refused', { op: 'start the kernel', detail: 'no cgroup file system is mounted' });
  const helpers = join(base, 'helpers');
  const monitors = join(base, 'monitors');
  const memory = hierarchies.filter((one) => one !== home && one.controllers.includes('memory'));
  await createIn(home, helpers);
  for (const hierarchy of [home, ...memory]) await createIn(hierarchy, monitors);
  if (unit !== undefined) await moveSelf(home, join(unit, 'daemon'));
  return {
    hierarchies,
    home,
    base,
    inUnit: unit !== undefined,
    helpers,
    helpersDir: join(home.dir, helpers),
    monitorsDirs: [home, ...memory].map(({ dir }) => join(dir, monitors)),
  };
}

/** On v2 a cgroup that has others in it is to have no processes itself. */
async function moveSelf(home: Hierarchy, path: string): Promise<void> {
  await createIn(home, path);
  const object = join(home.dir, path, 'cgroup.procs');
  try {
    await writeFile(object, String(process.pid));
  } catch (error) {
    throw fileError({ op: 'enter cgroup', object }, error);
  }
}

/**
 * Ends what an earlier berthd's helpers have left behind, wherever it had put them: a berthd that was started by hand may
 * follow one that was a service. The lock is held.
 */
export async function takeOverPlaces(places: Places, runRoot: string): Promise<void> {
  const { home, base, helpers } = places;
  await emptyIn(home, helpers);
  const note = join(runRoot, 'cgroup');
  const former = await readFile(note, 'utf8').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return base;
    throw fileError({ op: 'read the cgroup of earlier helpers', object: note }, error);
  });
  if (former === base) return writeFile(note, base);
  await emptyIn(home, join(former, 'helpers'));
  await removeIdle(places.hierarchies, former);
  await writeFile(note, base);
}

/** Where no monitor is left, nothing of us is: the cgroups go too. */
export async function removeIdlePlaces({ hierarchies, base, inUnit }: Places): Promise<void> {
  // The daemon itself is still in its unit.
  if (!inUnit) await removeIdle(hierarchies, base);
}

async function removeIdle(hierarchies: readonly Hierarchy[], base: string): Promise<void> {
  for (const path of [join(base, 'helpers'), join(base, 'monitors'), join(base, 'daemon'), base]) {
    await Promise.all(hierarchies.map((hierarchy) => removeEmptyIn(hierarchy, path)));
  }
}
