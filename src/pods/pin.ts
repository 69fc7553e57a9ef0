import type { Kernel } from '../kernel';
import type { SandboxRecord } from '../state';
import type { PodSandboxConfig } from '../wire';
import { sandboxHostname } from './files';
import { sysctlRefused } from './sysctl-refused';
import { userNamespaceOf } from './user-namespace';

/** Makes and pins the namespaces that the record says are the pod's own, with its sysctls and hostname. */
export async function pin(kernel: Kernel, record: SandboxRecord, config: PodSandboxConfig): Promise<void> {
  if (!record.netns && !record.ipcns && !record.utsns) return;
  const idmap = userNamespaceOf(config);
  const pinned = kernel.pinNamespaces({
    net: record.netns,
    ipc: record.ipcns,
    uts: record.utsns,
    user: idmap && record.userns ? { path: record.userns, idmap } : undefined,
    hostname: record.utsns && sandboxHostname(config),
    sysctls: config.linux?.sysctls ?? {},
  });
  await pinned.catch((error: unknown) => {
    throw sysctlRefused(error) ?? error;
  });
}
