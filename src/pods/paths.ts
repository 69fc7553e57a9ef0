import { join } from 'node:path';

/** Where a sandbox's things are: all derived from its id, so that a record needs no more than that to be taken down. */
export interface SandboxPaths {
  /** The folder of everything that is a file. */
  readonly dir: string;
  readonly resolvConf: string;
  readonly hostname: string;
  readonly shm: string;
  /** Pinned namespaces. The network's is in the folder that network agents mount. */
  readonly netns: string;
  readonly ipcns: string;
  readonly utsns: string;
  readonly userns: string;
  /** The bundle of the pause container, for pods that share their PID namespace. */
  readonly infra: string;
}

/** The folder of pinned network namespaces that iproute2 and agents such as Multus know. */
export const netnsDir = '/run/netns';

/** `rootHash` keeps several berthd on one machine apart. */
export function sandboxPaths(runRoot: string, rootHash: string, id: string): SandboxPaths {
  const dir = join(runRoot, 'pods', id);
  const ns = join(runRoot, 'ns');
  return {
    dir,
    resolvConf: join(dir, 'resolv.conf'),
    hostname: join(dir, 'hostname'),
    shm: join(dir, 'shm'),
    netns: join(netnsDir, `${netnsPrefix(rootHash)}${id}`),
    ipcns: join(ns, `ipc-${id}`),
    utsns: join(ns, `uts-${id}`),
    userns: join(ns, `user-${id}`),
    infra: join(dir, 'infra'),
  };
}

/** What the names of this root's network namespaces begin with. */
export function netnsPrefix(rootHash: string): string {
  return `berth-${rootHash}-`;
}
