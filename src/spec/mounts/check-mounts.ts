import type { ContainerConfig, Mount } from '../../wire';
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
  for (const mount of config.mounts) criMount(id, mount.image?.image ? ofImage(mount) : mount, facts);
}

/** Where it will be mounted on the node is the storage's, as are the ids that it is mapped to. */
function ofImage(mount: Mount): Mount {
  return { ...mount, hostPath: '/', uidMappings: [], gidMappings: [] };
}
