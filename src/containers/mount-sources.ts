import { mkdir, realpath, stat } from 'node:fs/promises';
import { BerthError, errnoOf, messageOf } from '../base';
import type { ContainerConfig } from '../wire';

/** Makes the folders that CRI mounts name and the node lacks, as the kubelet expects of a runtime. */
export async function makeMountSources(config: ContainerConfig): Promise<void> {
  await Promise.all(
    config.mounts.map(async ({ hostPath, image }) => {
      if (image?.image || !hostPath) return;
      try {
        await stat(hostPath);
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw fail(hostPath, error);
        await mkdir(hostPath, { recursive: true, mode: 0o755 }).catch((cause: unknown) => {
          throw fail(hostPath, cause);
        });
      }
    }),
  );
}

/** Links in a source are followed once, here: the OCI runtime would mount what they point to at another time. */
export async function resolveMountSources(config: ContainerConfig): Promise<ContainerConfig> {
  const mounts = await Promise.all(
    config.mounts.map(async (mount) =>
      mount.image?.image || !mount.hostPath ? mount : { ...mount, hostPath: await realpath(mount.hostPath) },
    ),
  );
  return { ...config, mounts };
}

function fail(source: string, error: unknown): BerthError {
  const detail = errnoOf(error) ?? messageOf(error);
  return new BerthError('container-mount', {
    op: 'CreateContainer',
    object: `mount source ${source}`,
    detail,
    cause: error,
  });
}
