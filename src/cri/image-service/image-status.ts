import { ImageServiceService } from '../../wire';
import { checkImage } from '../check/container-config';
import { imageInfo, toImage } from '../convert/image';
import { verboseInfo } from '../convert/info';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** ImageStatus: a missing image is an answer without an image. */
export const imageStatus = (parts: CriParts): Rpc =>
  unary(ImageServiceService.imageStatus, { kind: 'read' }, (request, call) => {
    const image = parts.images.find(checkImage(call.op, 'image', request.image));
    if (!image) return { image: undefined, info: {} };
    const shown = toImage(image, parts.images.pinned(image));
    return { image: shown, info: request.verbose ? verboseInfo('info', imageInfo(image)) : {} };
  });
