import { BerthError, type Log } from '../base';
import type { Layout } from './layout';
import type { LayerTable, StorageKernel } from './options';
import type { RootfsRequest } from './storage';

/** What mounting layers needs. */
export interface MountParts {
  readonly kernel: StorageKernel;
  readonly layout: Layout;
  readonly layers: LayerTable;
  readonly log: Log;
}

/** The layers' folders, topmost first, as overlayfs wants them; it needs at least one. */
export function lowersOf({ layers, layout }: MountParts, { chainIds, containerId }: RootfsRequest): string[] {
  const missing = chainIds.find((id) => !layers.get(id));
  if (missing !== undefined) {
    const object = `container ${containerId}`;
    throw new BerthError('layer-missing', { op: 'mount the image', object, detail: `layer ${missing} is not there` });
  }
  return chainIds.length === 0 ? [layout.empty] : chainIds.map((id) => layout.layer(id)).reverse();
}
