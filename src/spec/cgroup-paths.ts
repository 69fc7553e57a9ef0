import { basename, dirname, join } from 'node:path';
import { BerthError } from '../base';
import { pathProblem } from './path-problem';

/** Who makes containers' cgroups: the OCI runtime in the file system, or systemd, asked by it, as scopes in slices. */
export type CgroupDriver = 'cgroupfs' | 'systemd';

/** A cgroup as records keep it: its path from the root of the hierarchies, and the driver if it is not `cgroupfs`. */
export interface CgroupPlace {
  readonly path: string;
  readonly cgroupDriver?: 'systemd';
}

const suffix = '.slice';
/** The slice that all others are in (systemd.special(7)). */
const rootSlice = `-${suffix}`;
/** What comes before a cgroup's path in the file system, and room for a container's and its files' names after it. */
const hierarchies = `/sys/fs/cgroup/unified${'/reserved'.repeat(30)}`;
/** The kernel's NAME_MAX, which is systemd's UNIT_NAME_MAX too. */
const nameMax = 255;

/**
 * The path of a slice's cgroup: `a-b.slice` lies in `a.slice` (systemd.slice(5)). Undefined if it is no name of a slice.
 */
export function slicePath(slice: string): string | undefined {
  if (slice === rootSlice) return '/';
  if (!slice.endsWith(suffix) || slice.length > nameMax) return undefined;
  const parts = slice.slice(0, -suffix.length).split('-');
  if (!parts.every((part) => /^[\w:.\\]+$/.test(part))) return undefined;
  return `/${parts.map((_, at) => parts.slice(0, at + 1).join('-') + suffix).join('/')}`;
}

/**
 * Where a pod's containers go by its `cgroup_parent`: a path from the root with cgroupfs, a slice with systemd, whose
 * whole path, as a kubelet gives it, serves too.
 * @throws `argument-invalid`, naming the field and what the driver takes.
 */
export function cgroupParentPlace(given: string, driver: CgroupDriver, subject: Subject): CgroupPlace {
  const refuse = (detail: string, remedy: string): BerthError =>
    new BerthError('argument-invalid', {
      op: subject.op,
      object: subject.object,
      detail: `${subject.field} is ${JSON.stringify(given.slice(0, 200))}: ${detail}`,
      remedy,
    });
  const slice = basename(given);
  switch (driver) {
    case 'cgroupfs':
      if (slice.endsWith(suffix))
        throw refuse('a slice of systemd, and the cgroup driver here is cgroupfs', sameDriver('systemd'));
      if (!/^(\/[^/]+)+$/.test(given) || given.split('/').some((part) => part === '.' || part === '..'))
        throw refuse('no absolute path below the root', 'give a path like /kubepods/podX');
      if (/\p{Cc}/u.test(given) || pathProblem(`${hierarchies}${given}`) !== undefined)
        throw refuse('no path that the kernel could show', 'give a path like /kubepods/podX');
      return { path: given };
    case 'systemd': {
      const path = slicePath(slice);
      if (path === undefined)
        throw refuse('no slice, which the cgroup driver systemd needs', `${sameDriver('cgroupfs')}, or give a slice`);
      if (given !== slice && given.replace(/^\/?/, '/') !== path)
        throw refuse(`the slice ${slice} lies elsewhere`, `give its name alone, or ${path}`);
      return { path, cgroupDriver: 'systemd' };
    }
  }
}

/** What a cgroup parent was given for, in messages. */
export interface Subject {
  readonly op: string;
  readonly object: string;
  readonly field: string;
}

const sameDriver = (other: CgroupDriver): string =>
  `use one driver: runtime.cgroup_driver = "${other}" in berth.toml, or the kubelet's cgroupDriver`;

/** What comes before the id in the names of scopes. */
const scopePrefix = 'berth';

/** The cgroup of a container in that of its pod; `name` is its name to the OCI runtime. */
export function containerPlace(parent: CgroupPlace, name: string): CgroupPlace {
  const { path, cgroupDriver } = parent;
  return cgroupDriver ? { path: join(path, `${scopePrefix}-${name}.scope`), cgroupDriver } : { path: join(path, name) };
}

/** `linux.cgroupsPath` of the runtime spec for a container's cgroup: with systemd, `slice:prefix:name`. */
export function ociCgroupsPath({ path, cgroupDriver }: CgroupPlace): string {
  if (!cgroupDriver) return path;
  const name = basename(path, '.scope').slice(scopePrefix.length + 1);
  return `${basename(dirname(path)) || rootSlice}:${scopePrefix}:${name}`;
}
