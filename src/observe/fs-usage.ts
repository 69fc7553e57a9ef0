import { type Log, messageOf, nowNs } from '../base';
import type { DiskUsage, Storage } from '../storage';

/** What a file system of ours holds, and when that was counted: nanoseconds since the epoch (CRI FilesystemUsage). */
export interface FsSample extends DiskUsage {
  readonly timestamp: bigint;
}

/** Usage of the storage as reads see it: they never walk anything (promise 2). */
export interface FsUsageWatch {
  /** Blobs and layers: exact, by accounting. */
  images(): FsSample;
  /** Writable layers: as the last sample found them. Asking makes the next one, if the last is old. */
  containers(): FsSample;
}

/** The kubelet asks every ten seconds or so; a sample is not made more often. */
const sampleAgeMs = 10_000;

/** Takes the first sample, and further ones in the background while somebody asks: one walk at a time. */
export async function watchFsUsage(storage: Storage, log: Log, closing: AbortSignal): Promise<FsUsageWatch> {
  let last: FsSample = { ...(await storage.containerUsage(closing)), timestamp: nowNs() };
  let sampledAt = performance.now();
  let sampling = false;

  const sample = async (): Promise<void> => {
    sampling = true;
    try {
      last = { ...(await storage.containerUsage(closing)), timestamp: nowNs() };
    } catch (error) {
      if (!closing.aborted) log.warn({ err: error }, `usage of the writable layers: ${messageOf(error)}`);
    } finally {
      sampledAt = performance.now();
      sampling = false;
    }
  };

  return {
    images: () => ({ ...storage.imageUsage(), timestamp: nowNs() }),
    containers() {
      if (!sampling && !closing.aborted && performance.now() - sampledAt > sampleAgeMs) void sample();
      return last;
    },
  };
}
