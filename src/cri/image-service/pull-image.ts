import { ImageServiceService, type AuthConfig } from '../../wire';
import { checkImage } from '../check/container-config';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** PullImage: the answer is the image's id, by which the kubelet then creates containers. */
export const pullImage = (parts: CriParts): Rpc =>
  unary(ImageServiceService.pullImage, { kind: 'change' }, async (request, call) => {
    const reference = checkImage(call.op, 'image', request.image);
    const namespace = request.sandboxConfig?.metadata?.namespace;
    const image = await parts.images.pull(reference, toAuth(request.auth), call.signal, namespace);
    return { imageRef: image.id };
  });

/** Credentials, unless every field is empty: the kubelet also sends those. */
function toAuth(auth: AuthConfig | undefined): AuthConfig | undefined {
  return auth && Object.values(auth).some((value) => value !== '') ? auth : undefined;
}
