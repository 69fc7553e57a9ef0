import { posix } from 'node:path';
import type { Mount as CriMount } from '../../wire';
import { propagation } from '../cri';
import type { HostFacts } from '../input';
import { idMapping } from '../namespaces';
import { refuseContainer } from '../refuse';
import type { Mount } from '../oci';
import { pathProblem } from '../path-problem';

/** What the runtime and the kernel can do for mounts. */
export type MountFacts = Pick<HostFacts, 'recursiveReadOnlyMounts' | 'idmappedMounts'>;

/**
 * One mount of CRI as a recursive bind; an image's has the place where its caller has mounted it as its host path.
 * @throws `container-mount` for relative paths and for what is not offered here.
 */
export function criMount(id: string, mount: CriMount, facts: MountFacts): Mount {
  const refuse = (detail: string): Error =>
    refuseContainer(id, `mount ${JSON.stringify(mount.containerPath.slice(0, 200))}: ${detail}`, 'container-mount');
  if (!posix.isAbsolute(mount.containerPath)) throw refuse('container_path is not absolute');
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
      ...access(mount, facts.recursiveReadOnlyMounts === true, refuse),
      ...restrictions(mount, refuse),
    ],
    ...owners(mount, facts.idmappedMounts === true, refuse),
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

/** What the kubelet lets a volume mount ask for; any other option could undo what the rest of the mount says. */
const restricting: readonly string[] = ['noexec', 'nodev', 'nosuid'];

/** mount_options hold for the mount itself, as the OCI options of these names do, not for what is mounted below it. */
function restrictions({ mountOptions }: CriMount, refuse: (detail: string) => Error): readonly string[] {
  const other = mountOptions.find((option) => !restricting.includes(option));
  if (other !== undefined)
    throw refuse(`mount_options has ${JSON.stringify(other.slice(0, 64))}: it takes ${restricting.join(', ')}`);
  return [...new Set(mountOptions)];
}

/** The kernel takes so many ranges of a map. */
const maxRanges = 340;

/** Runtimes want both mappings or none. What is mounted below the source keeps its owners: it may not be mappable. */
function owners(
  { uidMappings, gidMappings }: CriMount,
  possible: boolean,
  refuse: (detail: string) => Error,
): Pick<Mount, 'uidMappings' | 'gidMappings'> {
  const both = [['uid_mappings', uidMappings] as const, ['gid_mappings', gidMappings] as const];
  if (both.every(([, mappings]) => mappings.length === 0)) return {};
  for (const [field, mappings] of both) {
    if (mappings.length === 0 || mappings.length > maxRanges)
      throw refuse(`${field} has ${mappings.length} ranges: uids and gids take 1 to ${maxRanges} each, or none at all`);
    const empty = mappings.findIndex(({ length }) => length === 0);
    if (empty >= 0) throw refuse(`${field}[${empty}].length is 0`);
  }
  if (!possible) throw refuse('uid_mappings: idmapped mounts are not offered by this runtime handler and kernel');
  return { uidMappings: uidMappings.map(idMapping), gidMappings: gidMappings.map(idMapping) };
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
