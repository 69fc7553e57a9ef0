import { type Log, nowNs } from '../../base';
import type { ProcessCounter, ProcessFigures } from '../../kernel';
import { pacer } from '../pace';
import { Sampler } from '../sampler';
import type { Sampled } from './metric';

/** A container that runs. */
interface Running {
  readonly id: string;
  readonly cgroupPath: string;
  readonly init?: { readonly pid: number };
}

/** An answer with an older sample has the next one made. */
const sampleAgeMs = 10_000;
/** One that is older is left out: what it counted may have been other processes. */
const keptNs = 60_000_000_000n;
/** Milliseconds of work between two rests: it is the event loop that looks at files. */
const workMs = 2;

/** Processes of the containers and what they have open, counted in the background while somebody asks. */
export class ProcessSamples {
  private samples: ReadonlyMap<string, Sampled<ProcessFigures>> = new Map();
  private readonly sampler: Sampler;

  constructor(
    private readonly counter: ProcessCounter,
    private readonly containers: () => readonly Running[],
    log: Log,
    private readonly closing: AbortSignal,
  ) {
    const take = () => this.count();
    this.sampler = new Sampler({ what: 'processes of containers', ageMs: sampleAgeMs, take, log, closing });
  }

  /** As the last sample found it. */
  of(containerId: string): Sampled<ProcessFigures> | undefined {
    this.sampler.asked();
    const sample = this.samples.get(containerId);
    return sample && nowNs() - sample.timestamp < keptNs ? sample : undefined;
  }

  private async count(): Promise<void> {
    const rest = pacer('count processes', this.closing, workMs);
    const samples = new Map<string, Sampled<ProcessFigures>>();
    for (const { id, cgroupPath, init } of this.containers()) {
      const figures = init && (await this.counter.count(cgroupPath, init.pid, rest));
      if (figures) samples.set(id, { ...figures, timestamp: nowNs() });
    }
    this.samples = samples;
  }
}
