import { randomBytes } from 'node:crypto';
import { usageError } from '../failure';

/** On pods and containers that `berth run` made: the pod has no other purpose than its container. */
export const runLabel = 'berth/run';
/** On pods of `berth run`: the folder of the logs, which goes when the pod is removed. */
export const logFolderAnnotation = 'berth/log-folder';

/** The name given, checked, or one made of the image's last word: it becomes the host name and a folder's name. */
export function runName(given: string | undefined, image: string): string {
  if (given === undefined) {
    const [repository = ''] = image.toLowerCase().split('@', 1);
    const word = (repository.split('/').at(-1) ?? '').replace(/:.*$/, '');
    const clean = word.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
    return `${clean.slice(0, 40) || 'container'}-${randomBytes(3).toString('hex')}`;
  }
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(given)) {
    throw usageError(`--name ${JSON.stringify(given)}: use at most 63 letters, digits and hyphens, none at the ends`);
  }
  return given;
}
