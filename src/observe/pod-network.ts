import { type Log, messageOf, nowNs } from '../base';
import type { InterfaceCounters, Kernel } from '../kernel';

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
  private sampledAt = -Infinity;
  private sampling = false;

  constructor(
    private readonly kernel: Pick<Kernel, 'interfaceCounters'>,
    private readonly pods: () => readonly PodNetwork[],
    private readonly log: Log,
    private readonly closing: AbortSignal,
  ) {}

  /** As the last sample found it. Asking makes the next one, if the last is old. */
  of(podId: string): NetworkSample | undefined {
    if (performance.now() - this.sampledAt > sampleAgeMs) void this.sample();
    return this.samples.get(podId);
  }

  /** Reads all pods' counters, unless that is being done. Never rejects. */
  async sample(): Promise<void> {
    if (this.sampling || this.closing.aborted) return;
    this.sampling = true;
    try {
      const pods = this.pods().flatMap(({ id, netns }) => (netns === undefined ? [] : [{ id, netns }]));
      const read = pods.length > 0 ? await this.kernel.interfaceCounters(pods.map(({ netns }) => netns)) : [];
      const timestamp = nowNs();
      const samples = new Map<string, NetworkSample>();
      pods.forEach(({ id }, index) => {
        const interfaces = read[index]?.filter(({ name }) => name !== 'lo');
        if (interfaces) samples.set(id, { timestamp, interfaces });
      });
      this.samples = samples;
    } catch (error) {
      if (!this.closing.aborted) this.log.warn({ err: error }, `counters of the pods' networks: ${messageOf(error)}`);
    } finally {
      this.sampledAt = performance.now();
      this.sampling = false;
    }
  }
}
