import { abortError } from '../../base';
import type { ImageRecord } from '../../state';
import { install, type InstallDeps } from '../install';
import type { Platform } from '../platform';
import { readDockerArchive } from './docker-archive';
import { readOciLayout } from './oci-layout';
import { Spool } from './spool';

/**
 * Loads every image of an archive. All of them are read before the first is installed, so an archive that is wrong
 * adds nothing; where a layer of a later image fails, the images before it stay, whole.
 */
export async function loadArchive(
  deps: InstallDeps & { readonly platform: Platform },
  stagingDir: string,
  path: string,
  signal: AbortSignal,
): Promise<readonly ImageRecord[]> {
  await using spool = await Spool.open(stagingDir, path, signal);
  try {
    const images = await readImages(spool, deps.platform, signal);
    if (images.length === 0) throw spool.invalid('it has no image');
    const records: ImageRecord[] = [];
    for (const { content, names } of images) records.push(await install(deps, content, names, signal));
    return records;
  } catch (error) {
    throw signal.aborted ? abortError(signal, 'load', path) : error;
  }
}

// docker's newer archives are both at once; the layout has the digests that registries know.
async function readImages(spool: Spool, platform: Platform, signal: AbortSignal) {
  if (spool.has('oci-layout') && spool.has('index.json')) return readOciLayout(spool, platform, signal);
  if (spool.has('manifest.json')) return readDockerArchive(spool, platform, signal);
  throw spool.invalid('it has neither manifest.json (docker save) nor oci-layout and index.json');
}
