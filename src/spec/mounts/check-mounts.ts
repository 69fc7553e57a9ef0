import type { ContainerConfig } from '../../wire';
import { refuseContainer } from '../refuse';
import { criMount, type MountFacts } from './cri-mount';

/** More than any pod has; with each mount that there is, OCI runtimes take longer for the next one. */
const mostMounts = 4096;

/**
 * Checks a container's mounts before anything is made by them; those of images have no host path yet.
 * @throws as `criMount` does.
 */
export function checkMounts(id: string, config: ContainerConfig, facts: MountFacts): void {
  if (config.mounts.length > mostMounts)
    throw refuseContainer(
      id,
      `config.mounts has ${config.mounts.length} mounts; at most ${mostMounts}`,
      'container-mount',
    );
  for (const mount of config.mounts) {
    criMount(id, mount.image?.image ? { ...mount, hostPath: '/' } : mount, facts);
  }
}
