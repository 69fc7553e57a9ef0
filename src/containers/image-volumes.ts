import { BerthError } from '../base';
import type { IdMap } from '../kernel';
import { pathProblem } from '../spec';
import type { ContainerRecord, ImageRecord } from '../state';
import type { Storage } from '../storage';
import type { ContainerConfig, Mount } from '../wire';

type FindImage = (reference: string) => ImageRecord | undefined;

/** One mount of a configuration that names an image. */
export interface ImageVolume {
  /** The place of the mount in the configuration. */
  readonly index: number;
  readonly mount: Mount;
  readonly image: ImageRecord;
}

/** The images that a configuration's mounts name (CRI Mount.image). Throws `image-not-found` with the mount. */
export function volumeImages(config: ContainerConfig, findImage: FindImage): readonly ImageVolume[] {
  return config.mounts.flatMap((mount, index) => {
    const reference = imageOf(mount, index);
    if (reference === undefined) return [];
    const image = findImage(reference);
    if (!image) throw refuse('image-not-found', index, `image ${reference} is not on this node`);
    return [{ index, mount, image }];
  });
}

/**
 * Mounts the images of a configuration's mounts. Gives the configuration with each one's place as its host path: from
 * there on it is a mount like others, read-only whatever was asked for, for all of them mount the same layers.
 */
export async function mountImageVolumes(
  { storage, findImage }: { readonly storage: Storage; readonly findImage: FindImage },
  { id, config }: Pick<ContainerRecord, 'id' | 'config'>,
  idmap: IdMap | undefined,
): Promise<ContainerConfig> {
  const mounts = [...config.mounts];
  for (const { index, mount, image } of volumeImages(config, findImage)) {
    const request = { containerId: id, index, chainIds: image.chainIds, subPath: mount.imageSubPath };
    const hostPath = await storage.mountVolume({ ...request, ...(idmap && { idmap }) });
    // Its owners are mapped already: the kernel maps no mount of an overlay.
    const mapped = idmap && { uidMappings: [], gidMappings: [] };
    mounts[index] = { ...mount, hostPath, image: undefined, imageSubPath: '', readonly: true, ...mapped };
  }
  return { ...config, mounts };
}

/** What the mount names, if it names an image; the fields that go with it are checked here. */
function imageOf(mount: Mount, index: number): string | undefined {
  const reference = mount.image?.image ?? '';
  // The kubelet sets image_sub_path to the subPath of every mount, of an image or not: it counts with an image only.
  if (reference === '') return undefined;
  if (mount.hostPath !== '') throw refuse('argument-invalid', index, 'both image and host_path are set');
  const problem = pathProblem(mount.imageSubPath);
  if (problem) throw refuse('argument-invalid', index, `image_sub_path ${problem}`);
  return reference;
}

function refuse(code: 'image-not-found' | 'argument-invalid', index: number, detail: string): BerthError {
  return new BerthError(code, { op: 'CreateContainer', object: `config.mounts[${index}]`, detail });
}
