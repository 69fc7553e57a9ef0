import { posix } from 'node:path';

/** The working directory: CRI's, else the image's, else the root; relative ones count from the root. */
export function processCwd(config: string, image: string): string {
  return posix.resolve('/', config || image);
}
