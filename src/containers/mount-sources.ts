import { realpath, stat } from 'node:fs/promises';
import { BerthError, errnoOf, isBerthError, messageOf } from '../base';
import type { Kernel } from '../kernel';
import type { ContainerConfig } from '../wire';

/**
 * Makes the folders that CRI mounts name and the node lacks, as the kubelet expects of a runtime. By the kernel room: Node's
 * own recursive mkdir tries for ever below /proc, and takes one of its few threads with it.
 */
export async function makeMountSources(kernel: Kernel, config: ContainerConfig): Promise<void> {
  await Promise.all(
    config.mounts.map(async ({ hostPath, image }) => {
      if (image?.image || !hostPath) return;
      try {
        await stat(hostPath);
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw fail(hostPath, error);
        // What is made for what comes before the dots would be in nobody's way, and nobody's to remove.
        if (hostPath.split('/').includes('..'))
          throw fail(hostPath, new Error('it is not there, and leads upwards by ".."'));
        await kernel.mkdirInRoot('/', hostPath, 0o755, 0, 0).catch((cause: unknown) => {
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
      mount.image?.image || !mount.hostPath ? mount : { ...mount, hostPath: await resolved(mount.hostPath) },
    ),
  );
  return { ...config, mounts };
}

async function resolved(hostPath: string): Promise<string> {
  try {
    return await realpath(hostPath);
  } catch (error) {
    throw fail(hostPath, error);
  }
}

function fail(source: string, error: unknown): BerthError {
  const detail = isBerthError(error) ? error.detail : (errnoOf(error) ?? messageOf(error));
  return new BerthError('container-mount', {
    op: 'CreateContainer',
    object: `mount source ${source}`,
    detail,
    cause: error,
  });
}
