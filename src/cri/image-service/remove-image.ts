import { ImageServiceService } from '../../wire';
import { checkImage } from '../check/container-config';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** RemoveImage: success for one that is unknown. */
export const removeImage = (parts: CriParts): Rpc =>
  unary(ImageServiceService.removeImage, { kind: 'change' }, async (request, call) => {
    await parts.images.remove(checkImage(call.op, 'image', request.image), call.signal);
    return {};
  });
