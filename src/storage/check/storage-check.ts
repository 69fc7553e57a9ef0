import { onDisk } from '../disk';
import type { AddParts } from '../layers/add-layers';
import type { Unpacker } from '../layers/unpacker';
import type { KeptImage, LayerSource } from '../storage';
import type { CollectParts } from '../collect';
import { discard, listAside, type Aside } from './aside';
import { checkLayers, type CheckedLayer, type LayerCheck } from './check-layers';
import { leftovers } from './leftovers';
import { mendLayers, setArtifactAside } from './mend';

/** What tells whether the storage is what its records say, and what brings it back. */
export interface StorageCheck {
  /** Looks at each layer that has a record, and changes nothing. */
  layers(check: LayerCheck, signal: AbortSignal): AsyncGenerator<CheckedLayer>;
  /** Makes an image's bad layers anew, and those that have no record: see `mendLayers`. */
  mend(sources: readonly LayerSource[], bad: ReadonlySet<string>, signal: AbortSignal): Promise<void>;
  /** Takes a damaged artifact out of the way, so that it can be added again. */
  setArtifactAside(chainId: string, signal: AbortSignal): Promise<void>;
  /** Paths that nothing needs; removes them if asked to. `keep` is as for a collection. */
  leftovers(keep: readonly KeptImage[], remove: boolean): Promise<readonly string[]>;
  /** What has been set aside, oldest first. */
  aside(): Promise<readonly Aside[]>;
  /** Deletes something that was set aside. */
  discard(aside: Aside): Promise<void>;
}

export interface CheckParts extends AddParts, CollectParts {
  /** An unpacker that lets all others go first. */
  readonly background: Unpacker;
}

/** The check of a storage, from its own parts. */
export function createStorageCheck(parts: CheckParts): StorageCheck {
  const gentle = { ...parts, unpacker: parts.background };
  const { kernel, layout, locks } = parts;
  return {
    layers: (check, signal) => checkLayers(gentle, check, signal),
    mend: (sources, bad, signal) => mendLayers(gentle, sources, bad, signal),
    setArtifactAside: (chainId, signal) => setArtifactAside(parts, chainId, signal),
    leftovers: (keep, remove) =>
      locks.with('commit', undefined, () =>
        onDisk('look for leftovers', layout.layers, () => leftovers(parts, keep, remove)),
      ),
    aside: () => onDisk('list what is set aside', layout.damaged, () => listAside(layout)),
    discard: (aside) => discard(kernel, layout, aside),
  };
}
