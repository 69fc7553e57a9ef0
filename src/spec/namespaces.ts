import type { HostFacts, SandboxPart } from './input';
import type { Namespace } from './oci';

/** The namespaces that are joined or made; a type that is left out is the host's. */
export function containerNamespaces(
  sandbox: Pick<SandboxPart, 'netns' | 'ipcns' | 'utsns' | 'pidNamespace'>,
  facts: Pick<HostFacts, 'cgroup'>,
  privileged: boolean,
): readonly Namespace[] {
  const joined = (type: 'network' | 'ipc' | 'uts', path: string | undefined): Namespace[] =>
    path === undefined ? [] : [{ type, path }];
  return [
    { type: 'mount' },
    ...pidNamespace(sandbox.pidNamespace),
    ...joined('network', sandbox.netns),
    ...joined('ipc', sandbox.ipcns),
    ...joined('uts', sandbox.utsns),
    // On v1 the runtime binds the container's own groups instead; a privileged container manages the host's.
    ...(facts.cgroup === 'v2' && !privileged ? [{ type: 'cgroup' } as const] : []),
  ];
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
