import { BerthError, throwIfAborted } from '../../base';
import type { LayerRecord } from '../../state';
import { artifactChainId, digestHex } from '../digests';
import type { AddParts } from '../layers/add-layers';
import { keepLayers } from '../layers/keep';
import { stageAll } from '../layers/stage-all';
import { removeStaging } from '../layers/stage';
import { StagingHold } from '../layers/staging-hold';
import type { StagingPool } from '../layers/staging-pool';
import type { ArtifactFileSource, ArtifactSource } from '../storage';
import { reserveRooms } from '../rooms';
import { buildArtifact } from './build-artifact';
import { checkFileNames } from './file-names';
import type { BlobToStage } from './stage-blob';

export interface AddArtifactParts extends Omit<AddParts, 'pool'> {
  /** Gives the path of a blob that was fetched and checked. */
  readonly blobPool: StagingPool<BlobToStage, string>;
}

/** Stages the blobs that are not there yet, in parallel, and keeps them with a layer of links to all of them. */
export async function addArtifact(
  parts: AddArtifactParts,
  artifact: ArtifactSource,
  signal: AbortSignal,
): Promise<LayerRecord> {
  const { table, blobs, layout, kernel } = parts;
  throwIfAborted(signal, 'add an artifact');
  const sources = checked(artifact);
  const chainId = artifactChainId(artifact.manifestDigest);
  using _wanted = parts.wanted.hold(
    [artifact.manifestDigest, ...sources.keys()].map((digest) => ({ chainId, digest })),
  );
  const known = table.get(chainId);
  if (known) return known;
  const missing = [...sources.values()].filter(({ digest }) => !blobs.has(digest));
  using rooms = await reserveRooms(
    parts,
    missing.filter(({ digest }) => !parts.blobPool.has(digest)),
    1n,
  );
  await using hold = new StagingHold(parts.log);
  const staged = new Map<string, string>();
  await stageAll(missing, signal, async (source, either) => {
    const blob = await parts.blobPool.acquire({ source, room: rooms.of(source) }, hold, either);
    staged.set(source.digest, blob.staged);
  });
  return await parts.locks.with('commit', signal, async () => {
    // Another pull of the same artifact may have brought it meanwhile.
    const added = table.get(chainId);
    if (added) return added;
    const dir = layout.newStaging();
    hold.add(() => removeStaging(kernel, dir));
    const layer = await buildArtifact(parts, dir, artifact, staged);
    await keepLayers(parts, [layer], signal);
    return layer.record;
  });
}

/** One source for each blob; all of the artifact's words have been checked. */
function checked({ manifestDigest, files }: ArtifactSource): Map<string, ArtifactFileSource> {
  const op = 'add an artifact';
  digestHex(manifestDigest, op);
  checkFileNames(
    files.map((file) => file.path),
    manifestDigest,
  );
  const sources = new Map<string, ArtifactFileSource>();
  for (const file of files) {
    digestHex(file.digest, op);
    const same = sources.get(file.digest);
    if (same && same.size !== file.size) {
      const detail = `${file.digest} is said to have ${same.size} and ${file.size} bytes`;
      throw new BerthError('manifest-invalid', { op, object: manifestDigest, detail });
    }
    sources.set(file.digest, file);
  }
  return sources;
}
