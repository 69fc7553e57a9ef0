import type { Image, Int64Value } from '../../wire';
import type { ImageRecord } from '../parts';

/** An image as CRI shows it. */
export function toImage(image: ImageRecord, pinned: boolean): Image {
  return {
    id: image.id,
    repoTags: [...image.repoTags],
    repoDigests: [...image.repoDigests],
    size: image.size,
    ...imageUser(image.config.user),
    // The kubelet reads the annotations of the manifest from here, and a handler, which no image of ours is bound to.
    spec: {
      image: image.id,
      annotations: { ...image.annotations },
      userSpecifiedImage: '',
      runtimeHandler: '',
      imageRef: image.id,
    },
    pinned,
  };
}

/** What a debugging person wants of an image. The shape of the OCI image configuration, as the peers have it. */
export function imageInfo(image: ImageRecord): object {
  const { config } = image;
  return {
    manifestDigest: image.manifestDigest,
    layers: image.layers,
    chainIDs: image.chainIds,
    pulledAt: image.pulledAt,
    ...(image.artifact ? { artifactType: image.artifact.type } : {}),
    labels: config.labels,
    imageSpec: {
      config: {
        User: config.user,
        Env: config.env,
        Entrypoint: config.entrypoint,
        Cmd: config.cmd,
        WorkingDir: config.workingDir,
        Volumes: config.volumes,
        StopSignal: config.stopSignal,
        Labels: config.labels,
      },
    },
  };
}

/** `user[:group]` of an image: a number is a uid, anything else a name. None means root, which CRI says by neither. */
function imageUser(user: string): { uid: Int64Value | undefined; username: string } {
  const [name = ''] = user.split(':');
  // Beyond 18 digits it might not fit an int64, and is no user id of any kernel.
  if (/^\d{1,18}$/.test(name)) return { uid: { value: BigInt(name) }, username: '' };
  return { uid: undefined, username: name };
}
