import { BerthError, newId, nowNs } from '../base';
import { podCgroup } from '../pods';
import { cgroupOptions } from '../runtime';
import { checkMounts, checkResources, containerPlace, stopSignal } from '../spec';
import type { ContainerRecord, ImageRecord, SandboxRecord } from '../state';
import type { ContainerConfig, ImageSpec } from '../wire';
import type { CheckpointSource } from './checkpoint/source';
import { checkCpusets } from './cpusets';
import type { CreateParts } from './create-parts';
import { volumeImages } from './image-volumes';
import { logPathOf } from './log-path';

/**
 * The record of a container that is about to be made: everything that its removal needs, written before all else. Of one
 * that is restored the image is known only when its checkpoint has been read.
 */
export async function planContainer(
  parts: CreateParts,
  sandbox: SandboxRecord,
  config: ContainerConfig,
  checkpoint: CheckpointSource | undefined,
): Promise<ContainerRecord> {
  const resources = config.linux?.resources;
  if (resources) {
    const whose = {
      op: 'CreateContainer',
      object: `container ${config.metadata?.name ?? ''}`,
      field: 'config.linux.resources',
    };
    checkResources(whose, resources);
    await checkCpusets(whose, resources);
  }
  const image = checkpoint ? undefined : runnableImage(parts, config.image?.image ?? '');
  // A checkpoint's image may be removed when it has been copied, not before.
  const carrier = checkpoint?.kind === 'image' ? checkpoint.image : undefined;
  const volumes = volumeImages(config, parts.findImage);
  checkMounts(config.metadata?.name ?? '', config, parts.featuresOf(sandbox.handler));
  const mounted = volumes.map((volume) => ({ image: volume.image, named: volume.mount.image }));
  const own = image ?? carrier;
  await admitImages(parts, sandbox, [...(own ? [{ image: own, named: config.image }] : []), ...mounted]);
  const handler = await parts.handlers.resolve(sandbox.handler);
  const options = [...handler.options, ...cgroupOptions(sandbox.cgroupDriver)];
  const id = newId();
  return {
    v: 1,
    id,
    sandboxId: sandbox.id,
    phase: 'creating',
    config,
    imageId: own?.id ?? '',
    imageRef: own?.id ?? '',
    ...(checkpoint && { restored: true }),
    ...(volumes.length > 0 && { volumeImages: volumes.map((volume) => volume.image.id) }),
    logPath: logPathOf(sandbox.config, config),
    createdAt: nowNs(),
    startedAt: 0n,
    runtimePath: handler.path,
    runtimeRoot: handler.root,
    ...(options.length > 0 && { runtimeOptions: options }),
    bootId: parts.kernel.facts.bootId,
    cgroupPath: containerPlace(podCgroup(sandbox), id).path,
    user: { uid: 0, gid: 0, groups: [] },
    stopSignal: stopSignal(config.stopSignal, image?.config.stopSignal ?? ''),
  };
}

/** What is known of a restored container when its checkpoint has been read. */
export function withImage(record: ContainerRecord, image: ImageRecord): ContainerRecord {
  const signal = stopSignal(record.config.stopSignal, image.config.stopSignal);
  return { ...record, imageId: image.id, imageRef: image.id, stopSignal: signal };
}

function runnableImage({ findImage }: CreateParts, reference: string): ImageRecord {
  const image = findImage(reference);
  if (!image) {
    throw new BerthError('image-not-found', {
      op: 'CreateContainer',
      object: `image ${reference}`,
      detail: 'it is not on this node',
    });
  }
  if (!image.artifact) return image;
  throw new BerthError('image-unsupported', {
    op: 'CreateContainer',
    object: `image ${reference}`,
    detail: `it is an artifact of type ${JSON.stringify(image.artifact.type.slice(0, 200))}, which holds no file system to run`,
    remedy: 'mount it as an image volume',
  });
}

/** Asks the policy of the pod's namespace for each image, by the name that the pod has: the kubelet asks by id. */
async function admitImages(
  parts: CreateParts,
  sandbox: SandboxRecord,
  images: readonly { readonly image: ImageRecord; readonly named: ImageSpec | undefined }[],
): Promise<void> {
  const namespace = sandbox.config.metadata?.namespace ?? '';
  for (const { image, named } of images) {
    await parts.admitImage(image, named?.userSpecifiedImage || named?.image || image.id, namespace);
  }
}
