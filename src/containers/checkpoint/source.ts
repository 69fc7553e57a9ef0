import { BerthError } from '../../base';
import type { ImageRecord } from '../../state';

/** What containers may be restored from: `runtime.restore_from` of the configuration. */
export type RestoreFrom = 'nothing' | 'archives' | 'images';

/** A checkpoint that CreateContainer was given as the container's image. */
export type CheckpointSource =
  { readonly kind: 'archive'; readonly path: string } | { readonly kind: 'image'; readonly image: ImageRecord };

/** By these annotations of its manifest CRI-O, checkpointctl and containerd know an image that carries a checkpoint. */
const marks = ['io.kubernetes.cri-o.annotations.checkpoint.name', 'org.criu.checkpoint.container.name'];

/**
 * The checkpoint that a reference names: an archive on the node by its absolute path, or an image. Undefined for any other
 * image, also one that is not there.
 * @throws `checkpoint-refused` if the configuration does not allow it.
 */
export function checkpointSource(
  reference: string,
  findImage: (reference: string) => ImageRecord | undefined,
  allowed: RestoreFrom,
): CheckpointSource | undefined {
  if (reference.startsWith('/')) {
    if (allowed === 'nothing') throw refuse(reference, 'containers are not restored here');
    return { kind: 'archive', path: reference };
  }
  const image = findImage(reference);
  if (!image || !marks.some((mark) => image.annotations?.[mark] !== undefined)) return undefined;
  // What CRIU makes again has the rights that the images say: whoever names one would be root on the node.
  if (allowed !== 'images')
    throw refuse(reference, 'it carries a checkpoint, and containers are not restored from images');
  return { kind: 'image', image };
}

/** The checkpoint in messages. */
export function checkpointName(source: CheckpointSource): string {
  return `checkpoint ${source.kind === 'archive' ? source.path : source.image.id}`;
}

function refuse(reference: string, detail: string): BerthError {
  return new BerthError('checkpoint-refused', { op: 'CreateContainer', object: `image ${reference}`, detail });
}
