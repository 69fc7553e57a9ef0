import type { ContainerSpecInput } from '../input';
import type { Mount } from '../oci';
import { refuseContainer } from '../refuse';
import { criMount } from './cri-mount';
import { defaultMounts, podFileMounts } from './defaults';

export interface Mounts {
  readonly mounts: readonly Mount[];
  /** What the root must be for the mounts' propagation to reach it; absent: the runtime's default. */
  readonly rootfsPropagation?: 'rslave' | 'rshared';
}

/**
 * All mounts, parents before what is below them. A mount of CRI replaces a default at its path or below it (a host's
 * /dev brings its own pts), and the pod's file at exactly its path.
 */
export function containerMounts(input: ContainerSpecInput): Mounts {
  const context = input.config.linux?.securityContext;
  const asked = input.config.mounts.map((mount) => criMount(input.id, mount, input.facts));
  if (input.sandbox.userns && asked.some(({ options }) => options.includes('rshared'))) {
    throw refuseContainer(
      input.id,
      'config.mounts: propagation BIDIRECTIONAL, but no mount of a user namespace gets to the node',
      'container-mount',
    );
  }
  const covered = (path: string): boolean =>
    asked.some(({ destination }) => path === destination || path.startsWith(`${destination}/`));
  const taken = new Set(asked.map(({ destination }) => destination));

  const mounts = [
    ...defaultMounts(context?.privileged === true).filter(({ destination }) => !covered(destination)),
    ...podFileMounts({ ...input.files, localtime: input.defaults.localtime }, context?.readonlyRootfs === true).filter(
      ({ destination }) => !taken.has(destination),
    ),
    ...asked,
  ];
  return { mounts: byDepth(mounts), ...rootfsPropagation(asked) };
}

/** Fewer path elements first; equal depths stay in order. */
export function byDepth(mounts: readonly Mount[]): Mount[] {
  const depth = ({ destination }: Mount): number => destination.split('/').length;
  return [...mounts].sort((a, b) => depth(a) - depth(b));
}

/** A shared or slave mount inside a root that is less than that would be cut off from its peers. */
function rootfsPropagation(asked: readonly Mount[]): Pick<Mounts, 'rootfsPropagation'> {
  const has = (option: string): boolean => asked.some(({ options }) => options.includes(option));
  if (has('rshared')) return { rootfsPropagation: 'rshared' };
  return has('rslave') ? { rootfsPropagation: 'rslave' } : {};
}
