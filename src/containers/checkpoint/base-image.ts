import { BerthError } from '../../base';
import type { ImageRecord } from '../../state';
import type { ConfigDump } from './read-dumps';

/** An id of an image, with or without its algorithm. */
const isId = /^(sha256:)?[0-9a-f]{64}$/;

/**
 * The image that a checkpointed container ran from. An id decides alone: under the same name there may be another image
 * by now, and CRIU maps its programs again by their paths.
 * @throws `checkpoint-image-missing` that names it; `checkpoint-invalid` if the checkpoint does not.
 */
export function baseImage(
  object: string,
  config: ConfigDump,
  findImage: (reference: string) => ImageRecord | undefined,
): ImageRecord {
  const op = 'CreateContainer';
  const { rootfsImage, rootfsImageRef, rootfsImageName } = config;
  const names = [rootfsImageRef, rootfsImage, rootfsImageName].filter((name) => name !== '');
  if (names.length === 0) {
    throw new BerthError('checkpoint-invalid', { op, object, detail: 'config.dump: it names no image' });
  }
  const ids = names.filter((name) => isId.test(name));
  for (const name of ids.length > 0 ? ids : names) {
    const image = find(name, findImage);
    if (image && !image.artifact) return image;
  }
  const detail = `its container ran from the image ${[...new Set(names)].join(' = ')}, which is not on this node`;
  throw new BerthError('checkpoint-image-missing', { op, object, detail });
}

/** A name that is none, of a hostile checkpoint, is that of no image. */
function find(name: string, findImage: (reference: string) => ImageRecord | undefined): ImageRecord | undefined {
  try {
    return findImage(name);
  } catch (error) {
    if (error instanceof BerthError) return undefined;
    throw error;
  }
}
