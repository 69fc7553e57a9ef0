import { BerthError, throwIfAborted, type KeyedLock } from '../../base';
import type { LayerRecord } from '../../state';
import { chainId, digestHex } from '../digests';
import type { LayerSource } from '../storage';
import { commitLayers, type ChainLink, type CommitParts } from './commit';
import type { StagedLayer } from './stage';
import { stageAll } from './stage-all';
import { StagingHold, type StagingPool } from './staging-pool';
import type { WantedLayers } from './wanted';

export interface AddParts extends CommitParts {
  readonly pool: StagingPool<LayerSource, StagedLayer>;
  readonly wanted: WantedLayers;
  /** The key `commit` is held while names and records change. */
  readonly locks: KeyedLock;
}

/** Stages all layers that are not there yet, in parallel, and commits them together. */
export async function addLayers(
  parts: AddParts,
  layers: readonly LayerSource[],
  signal: AbortSignal,
): Promise<readonly LayerRecord[]> {
  throwIfAborted(signal, 'add layers');
  checkChain(layers);
  using _wanted = parts.wanted.hold(layers);
  await using hold = new StagingHold(parts.log);
  const chain = await stageAll(layers, signal, async (source, either): Promise<ChainLink> => {
    if (parts.table.get(source.chainId)) return { chainId: source.chainId, staged: undefined };
    return { chainId: source.chainId, staged: await parts.pool.acquire(source, hold, either) };
  });
  await parts.locks.with('commit', signal, () => commitLayers(parts, chain, signal));
  return layers.map((source) => existing(parts, source.chainId));
}

function existing({ table }: AddParts, id: string): LayerRecord {
  const record = table.get(id);
  if (record) return record;
  throw new BerthError('layer-missing', { op: 'add layers', object: id, detail: 'it was removed meanwhile' });
}

/** A chain id that is not its layers' would let one image stand for another. */
function checkChain(layers: readonly LayerSource[]): void {
  let parent: string | undefined;
  for (const layer of layers) {
    digestHex(layer.digest, 'add layers');
    digestHex(layer.diffId, 'add layers');
    const expected = chainId(parent, layer.diffId);
    if (layer.chainId !== expected || layer.parentChainId !== parent) {
      const detail = `chain id ${layer.chainId} on ${layer.parentChainId ?? 'nothing'}; expected ${expected}`;
      throw new BerthError('manifest-invalid', { op: 'add layers', object: layer.digest, detail });
    }
    parent = expected;
  }
}
