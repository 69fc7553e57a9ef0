import { type Log, nowNs } from '../base';
import type { InterfaceCounters, Kernel } from '../kernel';
import { Sampler } from './sampler';

/** The interfaces of a pod, `lo` left out, and when they were read: nanoseconds since the epoch. */
export interface NetworkSample {
  readonly timestamp: bigint;
  readonly interfaces: readonly InterfaceCounters[];
}

/** A pod with a network of its own. */
interface PodNetwork {
  readonly id: string;
  readonly netns?: string;
}

/** An answer with an older sample has the next one made, in milliseconds. */
const sampleAgeMs = 1_000;

/**
 * Counters of the pods' interfaces: entering a namespace takes a child of the launcher, for which no read waits, so one
 * child reads all of them in the background.
 */
export class PodNetworks {
  private samples: ReadonlyMap<string, NetworkSample> = new Map();
  private readonly sampler: Sampler;

  constructor(
    private readonly kernel: Pick<Kernel, 'interfaceCounters'>,
    private readonly pods: () => readonly PodNetwork[],
    log: Log,
    closing: AbortSignal,
  ) {
    const take = () => this.read();
    this.sampler = new Sampler({ what: 'counters of the pods’ networks', ageMs: sampleAgeMs, take, log, closing });
  }

  /** As the last sample found it. Asking makes the next one, if the last is old. */
  of(podId: string): NetworkSample | undefined {
    this.sampler.asked();
    return this.samples.get(podId);
  }

  /** Reads all pods' counters, unless that is being done. Never rejects. */
  sample(): Promise<void> {
    return this.sampler.take();
  }

  private async read(): Promise<void> {
    const pods = this.pods().flatMap(({ id, netns }) => (netns === undefined ? [] : [{ id, netns }]));
    const read = pods.length > 0 ? await this.kernel.interfaceCounters(pods.map(({ netns }) => netns)) : [];
    const timestamp = nowNs();
    const samples = new Map<string, NetworkSample>();
    pods.forEach(({ id }, index) => {
      const interfaces = read[index]?.filter(({ name }) => name !== 'lo');
      if (interfaces) samples.set(id, { timestamp, interfaces });
    });
    this.samples = samples;
  }
}
