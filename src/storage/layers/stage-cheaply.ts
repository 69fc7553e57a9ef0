import { isBerthError, type Log } from '../../base';
import type { Blobs } from '../blobs';
import type { StorageKernel } from '../options';
import type { Reservation } from '../space';
import type { LayerSource } from '../storage';
import { blobOf, removeStaging, stageLayer, type StagedLayer } from './stage';
import type { Unpacker } from './unpacker';

export interface StageParts {
  readonly kernel: StorageKernel;
  readonly unpacker: Unpacker;
  readonly blobs: Pick<Blobs, 'stream'>;
  readonly log: Log;
}

/** A layer to be staged, and the space that was spoken for it. */
export interface LayerToStage {
  readonly source: LayerSource;
  readonly room: Reservation | undefined;
}

/** Unpacks a layer from the blob that is here already, the donor's or a kept one; where there is none, or it is damaged, from its source. */
export async function stageCheaply(
  { unpacker, kernel, log, blobs }: StageParts,
  dir: string,
  { source, room }: LayerToStage,
  donor: StagedLayer | undefined,
  signal: AbortSignal,
): Promise<StagedLayer> {
  const used = (bytes: number) => room?.used(bytes);
  const here = await blobs.stream(source.digest, source.size, donor && blobOf(donor.dir));
  if (here) {
    try {
      return await stageLayer(unpacker, dir, { ...source, open: async () => here }, 'local', used, signal);
    } catch (error) {
      if (signal.aborted || isBerthError(error, 'storage-full')) throw error;
      // The disk may have altered it; a fresh one takes its place.
      log.warn({ layer: source.digest, err: error }, 'a blob that was kept is of no use, it is fetched again');
      await removeStaging(kernel, dir);
    } finally {
      here.destroy();
    }
  }
  return stageLayer(unpacker, dir, source, 'registry', used, signal);
}
