import { isAbsolute } from 'node:path';
import { admin } from '../../wire';
import { badField, needText } from '../check/required';
import type { CriParts } from '../parts';
import { unary, type Rpc } from '../rpc';

/** LoadImage: the images of an archive on this machine. */
export const loadImage = (parts: CriParts): Rpc =>
  unary(admin.AdminService.loadImage, { kind: 'change' }, async (request, call) => {
    const path = needText(call.op, 'path', request.path);
    if (!isAbsolute(path)) throw badField(call.op, 'path', `${path} is not absolute`);
    const images = await parts.images.load(path, call.signal);
    return { images: images.map(({ id, repoTags, repoDigests }) => ({ id, names: [...repoTags, ...repoDigests] })) };
  });
