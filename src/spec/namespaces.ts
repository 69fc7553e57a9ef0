import type { IDMapping } from '../wire';
import type { HostFacts, SandboxPart } from './input';
import type { IdMapping, Linux, Namespace } from './oci';

/** The namespaces that are joined or made; a type that is left out is the host's. */
export function containerNamespaces(
  sandbox: Pick<SandboxPart, 'netns' | 'ipcns' | 'utsns' | 'userns' | 'pidNamespace'>,
  facts: Pick<HostFacts, 'cgroup'>,
  privileged: boolean,
): readonly Namespace[] {
  const joined = (type: 'network' | 'ipc' | 'uts' | 'user', path: string | undefined): Namespace[] =>
    path === undefined ? [] : [{ type, path }];
  return [
    { type: 'mount' },
    ...joined('user', sandbox.userns?.path),
    ...pidNamespace(sandbox.pidNamespace),
    ...joined('network', sandbox.netns),
    ...joined('ipc', sandbox.ipcns),
    ...joined('uts', sandbox.utsns),
    // On v1 the runtime binds the container's own groups instead; a privileged container manages the host's.
    ...(facts.cgroup === 'v2' && !privileged ? [{ type: 'cgroup' } as const] : []),
  ];
}

/**
 * The mappings of a user namespace that is joined, which has them already: runc before 1.2 computes with what is written
 * here, and refuses a spec without; later ones compare both (libcontainer/specconv, setupUserNamespace).
 */
export function idMappings(userns: SandboxPart['userns']): Pick<Linux, 'uidMappings' | 'gidMappings'> {
  return userns ? { uidMappings: userns.uids.map(idMapping), gidMappings: userns.gids.map(idMapping) } : {};
}

/** One mapping in the words of the runtime specification. */
export function idMapping({ containerId, hostId, length }: IDMapping): IdMapping {
  return { containerID: containerId, hostID: hostId, size: length };
}

function pidNamespace(pid: SandboxPart['pidNamespace']): Namespace[] {
  switch (pid.kind) {
    case 'container':
      return [{ type: 'pid' }];
    case 'host':
      return [];
    case 'path':
      return [{ type: 'pid', path: pid.path }];
  }
}
