import { BerthError, throwIfAborted, type KeyedLock } from '../../base';
import type { LayerRecord } from '../../state';
import { chainId, digestHex } from '../digests';
import { reserveRooms } from '../rooms';
import type { Space } from '../space';
import type { LayerSource, OnLayer } from '../storage';
import { commitLayers, type ChainLink, type CommitParts } from './commit';
import type { StagedLayer } from './stage';
import { stageAll } from './stage-all';
import type { LayerToStage } from './stage-cheaply';
import { StagingHold } from './staging-hold';
import type { StagingPool } from './staging-pool';
import type { WantedLayers } from './wanted';

export interface AddParts extends CommitParts {
  readonly pool: StagingPool<LayerToStage, StagedLayer>;
  readonly wanted: WantedLayers;
  readonly space: Space;
  /** The key `commit` is held while names and records change. */
  readonly locks: KeyedLock;
}

/** Stages all layers that are not there yet, in parallel, and commits them together. */
export async function addLayers(
  parts: AddParts,
  layers: readonly LayerSource[],
  signal: AbortSignal,
  onLayer: OnLayer = () => undefined,
): Promise<readonly LayerRecord[]> {
  throwIfAborted(signal, 'add layers');
  checkChain(layers);
  using _wanted = parts.wanted.hold(layers);
  const missing = layers.filter(({ chainId }) => !parts.table.get(chainId) && !parts.pool.has(chainId));
  using rooms = await reserveRooms(parts, missing, 2n);
  await using hold = new StagingHold(parts.log);
  const chain = await stageAll(layers, signal, async (source, either): Promise<ChainLink> => {
    const { chainId } = source;
    if (parts.table.get(chainId)) {
      onLayer(source, 'there');
      return { chainId, staged: undefined };
    }
    const { staged, shared } = await parts.pool.acquire({ source, room: rooms.of(source) }, hold, either);
    onLayer(source, shared ? 'shared' : staged.from);
    return { chainId, staged };
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
