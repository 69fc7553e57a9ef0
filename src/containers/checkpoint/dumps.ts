import type { Spec } from '../../spec';
import type { ContainerRecord } from '../../state';

/**
 * `config.dump`: what the container was, in the words that checkpointctl, Podman and CRI-O read (checkpointctl's
 * ContainerConfig).
 */
export function configDump(record: ContainerRecord, checkpointedAt: Date): string {
  const { id, config, imageId, imageRef } = record;
  const asked = config.image?.userSpecifiedImage || config.image?.image || imageId;
  return JSON.stringify({
    id,
    name: config.metadata?.name ?? '',
    rootfsImage: asked,
    rootfsImageRef: imageRef,
    rootfsImageName: asked,
    runtime: record.runtimePath.slice(record.runtimePath.lastIndexOf('/') + 1),
    createdTime: new Date(Number(record.createdAt / 1_000_000n)).toISOString(),
    checkpointedTime: checkpointedAt.toISOString(),
    restored: false,
  });
}

/** `spec.dump`: the spec that the container runs with. */
export function specDump(spec: Spec): string {
  return JSON.stringify(spec);
}
