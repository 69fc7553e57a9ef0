import { Image } from '../../wire';
import { toImage } from '../convert/image';
import { EncodedList } from '../encoded-list';
import type { CriParts, ImageRecord } from '../parts';
import type { Rpc } from '../rpc';
import { imageFsInfo } from './image-fs-info';
import { imageStatus } from './image-status';
import { listImages, streamImages } from './list-images';
import { pullImage } from './pull-image';
import { removeImage } from './remove-image';

/** Every RPC of CRI's ImageService. */
export function imageService(parts: CriParts): readonly Rpc[] {
  const encode = (image: ImageRecord) => Image.encode(toImage(image, parts.images.pinned(image))).finish();
  const images = new EncodedList<ImageRecord>(encode);
  return [
    listImages(parts, images),
    streamImages(parts, images),
    imageStatus(parts),
    pullImage(parts),
    removeImage(parts),
    imageFsInfo(parts),
  ];
}
