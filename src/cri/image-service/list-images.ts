import { ImageServiceService, type ImageFilter } from '../../wire';
import type { EncodedList } from '../encoded-list';
import type { CriParts, ImageRecord } from '../parts';
import { encodedUnary, serverStream, type Rpc } from '../rpc';

/** ListImages. */
export const listImages = (parts: CriParts, encodedImages: EncodedList<ImageRecord>): Rpc =>
  encodedUnary(ImageServiceService.listImages, { kind: 'read' }, (request) =>
    encodedImages.all(filtered(parts, request.filter)),
  );

/** StreamImages: the same list in several messages. */
export const streamImages = (parts: CriParts, encodedImages: EncodedList<ImageRecord>): Rpc =>
  serverStream(ImageServiceService.streamImages, { kind: 'read' }, (request) =>
    encodedImages.chunks(filtered(parts, request.filter)),
  );

/** All images, or the one that the filter names. */
function filtered(parts: CriParts, filter: ImageFilter | undefined): readonly ImageRecord[] {
  if (!filter?.image?.image) return parts.images.list();
  const image = parts.images.find(filter.image.image);
  return image ? [image] : [];
}
