import { type Log, nowNs } from '../../base';
import type { FileSystemFigures } from '../../kernel';
import { Sampler } from '../sampler';
import type { Sampled } from './metric';

/** An answer with an older sample has the next one made. */
const sampleAgeMs = 10_000;

/** The file system of the writable layers: asking it may block, so the background does. */
export class FileSystemSample {
  private sample: Sampled<FileSystemFigures> | undefined;
  private readonly sampler: Sampler;

  constructor(read: () => Promise<FileSystemFigures>, log: Log, closing: AbortSignal) {
    const take = async () => {
      this.sample = { ...(await read()), timestamp: nowNs() };
    };
    this.sampler = new Sampler({ what: 'file system of the writable layers', ageMs: sampleAgeMs, take, log, closing });
  }

  /** As the last sample found it. */
  get(): Sampled<FileSystemFigures> | undefined {
    this.sampler.asked();
    return this.sample;
  }
}
