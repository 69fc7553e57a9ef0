import { posix } from 'node:path';
import type { Mount as CriMount } from '../../wire';
import { propagation } from '../cri';
import { refuseContainer } from '../refuse';
import type { Mount } from '../oci';
import { pathProblem } from '../path-problem';

/**
 * One mount of CRI as a recursive bind; an image's has the place where its caller has mounted it as its host path.
 * @throws `container-mount` for relative paths, `not-implemented` for idmapped mounts.
 */
export function criMount(id: string, mount: CriMount, canBeRecursivelyReadonly: boolean): Mount {
  const refuse = (detail: string): Error =>
    refuseContainer(id, `mount ${JSON.stringify(mount.containerPath.slice(0, 200))}: ${detail}`, 'container-mount');
  if (!posix.isAbsolute(mount.containerPath)) throw refuse('container_path is not absolute');
  if (mount.uidMappings.length > 0 || mount.gidMappings.length > 0) throw notImplemented(id, mount, 'uidMappings');
  if (!posix.isAbsolute(mount.hostPath)) throw refuse(`host_path ${JSON.stringify(mount.hostPath)} is not absolute`);
  for (const [name, path] of [
    ['container_path', mount.containerPath] as const,
    ['host_path', mount.hostPath] as const,
  ]) {
    const problem = pathProblem(path);
    if (problem) throw refuse(`${name} ${problem}`);
  }
  const destination = withoutTrailingSlash(posix.normalize(mount.containerPath));
  if (destination === '/') throw refuse('the root cannot be mounted over');
  return {
    destination,
    type: 'bind',
    source: mount.hostPath,
    options: [
      'rbind',
      propagationOption(mount.propagation, refuse),
      ...access(mount, canBeRecursivelyReadonly, refuse),
    ],
  };
}

function propagationOption(value: number, refuse: (detail: string) => Error): string {
  if (value === propagation.private) return 'rprivate';
  if (value === propagation.hostToContainer) return 'rslave';
  if (value === propagation.bidirectional) return 'rshared';
  throw refuse(`unknown propagation ${value}`);
}

/** recursive_read_only asks for readonly and private propagation (CRI Mount): anything less would not hold. */
function access(mount: CriMount, possible: boolean, refuse: (detail: string) => Error): readonly string[] {
  if (!mount.recursiveReadOnly) return [mount.readonly ? 'ro' : 'rw'];
  if (!mount.readonly) throw refuse('recursive_read_only without readonly');
  const { propagation: mode }: { propagation: number } = mount;
  if (mode !== propagation.private) throw refuse('recursive_read_only with a propagation that is not private');
  if (!possible) throw refuse('recursive_read_only is not offered by this runtime handler and kernel');
  return ['ro', 'rro'];
}

function notImplemented(id: string, mount: CriMount, what: string): Error {
  return refuseContainer(id, `mount ${JSON.stringify(mount.containerPath)} has ${what}`, 'not-implemented');
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
