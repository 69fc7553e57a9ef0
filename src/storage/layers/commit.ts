import type { LayerRecord } from '../../state';
import { completeLayer, type LayerSize } from './complete';
import { keepLayers, type FinishedLayer, type KeepParts } from './keep';
import { blobOf, diffOf, type StagedLayer } from './stage';
import type { Unpacker } from './unpacker';

export interface CommitParts extends KeepParts {
  readonly unpacker: Unpacker;
}

/** A layer of the image, base first: there already, or staged. */
export interface ChainLink {
  readonly chainId: string;
  readonly staged: StagedLayer | undefined;
}

/** Completes an image's staged layers base first, and keeps them together. Only one commit runs at a time. */
export async function commitLayers(
  parts: CommitParts,
  chain: readonly ChainLink[],
  signal: AbortSignal,
): Promise<void> {
  const { layout, table } = parts;
  const lowers: string[] = [];
  const fresh: FinishedLayer[] = [];
  for (const { chainId, staged } of chain) {
    // Another image's commit may have brought it while this one was staged.
    if (!staged || table.get(chainId)) {
      lowers.unshift(layout.layer(chainId));
      continue;
    }
    fresh.push(finished(staged, await completeLayer(parts, staged, lowers, signal)));
    lowers.unshift(diffOf(staged.dir));
  }
  if (fresh.length > 0) await keepLayers(parts, fresh, signal);
}

function finished({ dir, source }: StagedLayer, size: LayerSize): FinishedLayer {
  const { digest } = source;
  return {
    diff: diffOf(dir),
    blobs: [{ staged: blobOf(dir), digest, size: source.size }],
    record: recordOf(source, size),
  };
}

/** The record of a layer that has been staged and completed. */
export function recordOf(source: StagedLayer['source'], size: LayerSize): LayerRecord {
  return {
    v: 1,
    chainId: source.chainId,
    diffId: source.diffId,
    parentChainId: source.parentChainId,
    blobDigest: source.digest,
    unpackedBytes: BigInt(size.unpackedBytes),
    inodes: BigInt(size.inodes),
  };
}
