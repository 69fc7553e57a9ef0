import type { ImageRecord } from '../state';
import type { Storage } from '../storage';

/** What of the storage an image needs. */
export interface Kept {
  readonly layers: readonly string[];
  readonly chainIds: readonly string[];
  readonly blobs: readonly string[];
}

/** Removes from the storage what no image needs, and keeps what a pull in flight is about to need. */
export class Collector {
  private readonly pinned = new Set<Kept>();
  private running: Promise<unknown> | undefined;

  constructor(
    private readonly storage: Pick<Storage, 'collect'>,
    private readonly images: () => Iterable<ImageRecord>,
  ) {}

  /** Keeps this until disposed of. Waits for a collection that runs, for it has read already what to keep. */
  async pin(kept: Kept): Promise<Disposable> {
    while (this.running) await Promise.allSettled([this.running]);
    this.pinned.add(kept);
    return { [Symbol.dispose]: () => void this.pinned.delete(kept) };
  }

  /** Collects now; one at a time. */
  collect(): Promise<void> {
    return this.alone((keep) => this.storage.collect(keep));
  }

  /** Runs a step that has to know what is needed, now or by a pull in flight, while no collection runs. */
  async alone<T>(step: (keep: readonly Kept[]) => Promise<T>): Promise<T> {
    while (this.running) await Promise.allSettled([this.running]);
    const job = step([...[...this.images()].map(keptBy), ...this.pinned]);
    this.running = job;
    try {
      return await job;
    } finally {
      this.running = undefined;
    }
  }
}

/** Layers, and as blobs the configuration, the manifest, the index that the image was found by, and its signatures. */
export function keptBy(image: ImageRecord): Kept {
  const named = image.repoDigests.map((name) => name.slice(name.indexOf('@') + 1));
  const config = image.artifact?.configDigest ?? image.id;
  const blobs = [...new Set([config, image.manifestDigest, ...named, ...(image.signatures ?? [])])];
  return { layers: image.layers, chainIds: image.chainIds, blobs };
}
