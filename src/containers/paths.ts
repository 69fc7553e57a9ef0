import { join } from 'node:path';

/** Where a container's things are: all derived from its id. Its root file system is storage's. */
export interface ContainerPaths {
  /** The OCI bundle: config.json. */
  readonly bundle: string;
  readonly config: string;
  /** The monitor's control socket: short, for a socket address holds 107 bytes. */
  readonly socket: string;
  /** In a folder of the container's own: execs have short-lived files beside it. */
  readonly pidFile: string;
  /** The monitor's durable record of the end. */
  readonly exitFile: string;
}

export function containerPaths(root: string, runRoot: string, id: string): ContainerPaths {
  const bundle = join(root, 'containers', id);
  return {
    bundle,
    config: join(bundle, 'config.json'),
    socket: join(runRoot, 's', id.slice(0, 16)),
    pidFile: join(runRoot, 'monitors', id, 'pid'),
    exitFile: join(root, 'exits', id),
  };
}
