import { throwIfAborted } from '../../base';
import type { LayerRecord } from '../../state';
import type { CommitParts } from '../layers/commit';
import { diffOf, removeStaging } from '../layers/stage';
import { checkArtifact } from './check-artifact';
import { compareWithBlob, lookAtLayer, type Damage } from './check-layer';

/** What a check of the layers looks at. */
export interface LayerCheck {
  /** Whether to look only, and read nothing. */
  readonly quick: boolean;
  /** Sizes of compressed layers, as manifests tell them. */
  readonly sizes: ReadonlyMap<string, bigint>;
}

/** One layer, looked at: how many have been, of how many. */
export interface CheckedLayer {
  readonly chainId: string;
  readonly done: number;
  readonly total: number;
  readonly damages: readonly Damage[];
}

/**
 * Checks every layer that has a record, base layers first, one at a time: whoever runs has the machine. A layer is
 * judged over what the layers below have to be, not over what they have become: the unpacked copy of a damaged one
 * stays until all above it have been looked at. A layer that goes meanwhile is not damaged.
 */
export async function* checkLayers(
  parts: CommitParts,
  check: LayerCheck,
  signal: AbortSignal,
): AsyncGenerator<CheckedLayer> {
  const records = [...parts.table.values()];
  const above = byParent(records);
  const known = new Set(records.map(({ chainId }) => chainId));
  let done = 0;
  const tell = (record: LayerRecord, damages: readonly Damage[]): CheckedLayer => ({
    chainId: record.chainId,
    done: ++done,
    total: records.length,
    damages: parts.table.get(record.chainId) === record ? damages : [],
  });

  async function* tree(record: LayerRecord, lowers: readonly string[]): AsyncGenerator<CheckedLayer> {
    throwIfAborted(signal, 'check', record.chainId);
    const seen = await lookAtLayer(parts, record, check.sizes);
    const copy = new Copy(parts);
    try {
      let below = parts.layout.layer(record.chainId);
      let damages = seen;
      if (!check.quick && !seen.some(({ kind }) => kind === 'blob-missing')) {
        const compared = await compareWithBlob(parts, copy.dir, record, lowers, signal);
        damages = merged(seen, compared.damages);
        if (compared.staged && damages.length > 0) below = diffOf(copy.dir);
        else await copy.remove();
      }
      yield tell(record, damages);
      for (const next of above.get(record.chainId) ?? []) yield* tree(next, [below, ...lowers]);
    } finally {
      await copy.remove();
    }
  }

  /** What lies over a layer without a record: the images above it are not whole, and say so. */
  async function* withoutParent(record: LayerRecord): AsyncGenerator<CheckedLayer> {
    yield tell(record, await lookAtLayer(parts, record, check.sizes));
    for (const next of above.get(record.chainId) ?? []) yield* withoutParent(next);
  }

  for (const record of records) {
    if (record.files) yield tell(record, await checkArtifact(parts.layout, record, check.quick, signal));
    else if (record.parentChainId === undefined) yield* tree(record, []);
    else if (!known.has(record.parentChainId)) yield* withoutParent(record);
  }
}

function byParent(records: readonly LayerRecord[]): ReadonlyMap<string | undefined, readonly LayerRecord[]> {
  const above = new Map<string | undefined, LayerRecord[]>();
  for (const record of records) {
    const siblings = above.get(record.parentChainId);
    if (siblings) siblings.push(record);
    else above.set(record.parentChainId, [record]);
  }
  return above;
}

/** Both findings; where they are of one kind, the one that has read more. */
function merged(seen: readonly Damage[], read: readonly Damage[]): Damage[] {
  return [...seen.filter(({ kind }) => !read.some((damage) => damage.kind === kind)), ...read];
}

/** The staging folder of one layer. */
class Copy {
  readonly dir: string;
  private removed = false;

  constructor(private readonly parts: CommitParts) {
    this.dir = parts.layout.newStaging();
  }

  async remove(): Promise<void> {
    if (this.removed) return;
    this.removed = true;
    await removeStaging(this.parts.kernel, this.dir);
  }
}
