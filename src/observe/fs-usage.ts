import { type Log, messageOf, nowNs } from '../base';
import type { DiskUsage, Storage, UsageWalk } from '../storage';
import { pacer } from './pace';

/** What a file system, or a part of it, holds, and when that was counted: nanoseconds since the epoch (CRI FilesystemUsage). */
export interface FsSample extends DiskUsage {
  readonly timestamp: bigint;
}

/** Usage of the storage as reads see it: they never walk anything (promise 2). */
export interface FsUsageWatch {
  /** Blobs and layers: exact, by accounting. */
  images(): FsSample;
  /** All writable layers: as the last sample found them. Asking makes the next one, if the last is old. */
  containers(): FsSample;
  /** The writable layer of one container; undefined until a sample has met it. Asking is the same. */
  writableLayer(containerId: string): FsSample | undefined;
}

export interface FsUsageParts {
  readonly storage: Pick<Storage, 'containerUsage' | 'imageUsage'>;
  /** When the container ended and was unmounted: its writable layer does not change any more. Undefined before that. */
  readonly endedAt: (containerId: string) => bigint | undefined;
  readonly log: Log;
  readonly closing: AbortSignal;
}

/** The kubelet asks every ten seconds or so; a sample is not made more often. */
const sampleAgeMs = 10_000;

/** Takes the first sample, and further ones in the background while somebody asks: one walk at a time. */
export async function watchFsUsage({ storage, endedAt, log, closing }: FsUsageParts): Promise<FsUsageWatch> {
  let layers: ReadonlyMap<string, FsSample> = new Map();
  let total: FsSample = { bytes: 0n, inodes: 0n, timestamp: nowNs() };
  let sampledAt = -Infinity;
  let sampling = false;

  const settled = (id: string): boolean => {
    const ended = endedAt(id);
    return ended !== undefined && (layers.get(id)?.timestamp ?? 0n) > ended;
  };

  const walk = async (how: UsageWalk): Promise<void> => {
    // Before the walk: what is written meanwhile may have been missed.
    const timestamp = nowNs();
    const kept = [...layers].filter(([id]) => settled(id));
    const skipped = new Set(kept.map(([id]) => id));
    const walked = await storage.containerUsage({ ...how, signal: closing, skip: (id) => skipped.has(id) });
    const found = [...walked].map(([id, usage]) => [id, { ...usage, timestamp }] as const);
    layers = new Map([...kept, ...found]);
    total = { ...sum(layers.values()), timestamp };
  };

  const sample = async (): Promise<void> => {
    sampling = true;
    try {
      await walk({ rest: pacer('measure writable layers', closing) });
    } catch (error) {
      if (!closing.aborted) log.warn({ err: error }, `usage of the writable layers: ${messageOf(error)}`);
    } finally {
      sampledAt = performance.now();
      sampling = false;
    }
  };

  const asked = (): void => {
    if (!sampling && !closing.aborted && performance.now() - sampledAt > sampleAgeMs) void sample();
  };

  await walk({});
  sampledAt = performance.now();
  return {
    images: () => ({ ...storage.imageUsage(), timestamp: nowNs() }),
    containers() {
      asked();
      return total;
    },
    writableLayer(containerId) {
      asked();
      return layers.get(containerId);
    },
  };
}

function sum(usages: Iterable<DiskUsage>): DiskUsage {
  let bytes = 0n;
  let inodes = 0n;
  for (const usage of usages) {
    bytes += usage.bytes;
    inodes += usage.inodes;
  }
  return { bytes, inodes };
}
