import { type ErrorCode, EventBus, isBerthError, type Log, messageOf } from '../../base';
import type { LayerOrigin } from '../../storage';
import type { PullEvent, PullOutcome, PullState, PullStats, PullsWatch } from './events';
import { noLayers, PullProgress } from './pull-progress';

/** How often progress is published while bytes come, and how often a long pull is told of in the log; milliseconds. */
const defaultTimes = { eventMs: 1000, logMs: 30_000 };

/** Watches pulls: events while they go on, a log line when one takes long and when it ends, sums for metrics. */
export class PullTracker implements PullsWatch {
  readonly events = new EventBus<PullEvent>();
  private readonly flights = new Set<PullProgress>();
  private readonly outcomes: Record<PullOutcome, number> = { pulled: 0, failed: 0, 'given-up': 0 };
  private readonly layers: Record<LayerOrigin, number> = noLayers();
  private bytes = 0;
  private seconds = 0;

  constructor(
    private readonly log: Log,
    private readonly times: { readonly eventMs: number; readonly logMs: number } = defaultTimes,
    private readonly waiting: () => number = () => 0,
  ) {}

  /** Runs one pull, which says to `progress` what it does. */
  async track<T>(image: string, signal: AbortSignal, pull: (progress: PullProgress) => Promise<T>): Promise<T> {
    let told = performance.now();
    const progress = new PullProgress(image, (bytes) => {
      this.bytes += bytes;
      if (performance.now() - told < this.times.eventMs) return;
      told = performance.now();
      this.events.publish({ kind: 'pull-progress', ...progress.state() });
    });
    const saying = setInterval(() => this.log.info(fieldsOf(progress.state()), 'a pull goes on'), this.times.logMs);
    saying.unref();
    this.flights.add(progress);
    this.events.publish({ kind: 'pull-started', ...progress.state() });
    let outcome: PullOutcome = 'failed';
    let cause: string | undefined;
    let failure: ErrorCode | undefined;
    try {
      const result = await pull(progress);
      outcome = 'pulled';
      return result;
    } catch (error) {
      if (signal.aborted) outcome = 'given-up';
      cause = messageOf(error);
      failure = isBerthError(error) ? error.code : 'internal';
      throw error;
    } finally {
      clearInterval(saying);
      this.flights.delete(progress);
      this.end(progress.state(), outcome, cause, failure);
    }
  }

  stats(): PullStats {
    const { bytes, seconds, flights } = this;
    return {
      inFlight: flights.size,
      waiting: this.waiting(),
      outcomes: { ...this.outcomes },
      bytes,
      seconds,
      layers: { ...this.layers },
    };
  }

  running(): readonly PullState[] {
    return [...this.flights].map((progress) => progress.state());
  }

  private end(state: PullState, outcome: PullOutcome, cause: string | undefined, failure: ErrorCode | undefined): void {
    this.outcomes[outcome]++;
    this.seconds += state.seconds;
    this.layers.there += state.layers.there;
    this.layers.shared += state.layers.shared;
    this.layers.local += state.layers.local;
    this.layers.registry += state.layers.registry;
    this.log.info({ ...fieldsOf(state), ...(cause !== undefined && { cause }) }, words[outcome]);
    this.events.publish({ kind: 'pull-finished', outcome, ...(failure !== undefined && { failure }), ...state });
  }
}

const words: Readonly<Record<PullOutcome, string>> = {
  pulled: 'pulled',
  failed: 'not pulled',
  'given-up': 'a pull was given up',
};

/** What the log says of a pull: layers as they were fetched and as they were here. */
function fieldsOf({ image, endpoint, bytes, totalBytes, totalLayers, layers, seconds }: PullState) {
  return {
    image,
    endpoint,
    bytes,
    totalBytes,
    seconds: Number(seconds.toFixed(2)),
    mibPerSecond: Number((bytes / 2 ** 20 / Math.max(seconds, 0.001)).toFixed(1)),
    layers: totalLayers,
    fetched: layers.registry,
    reused: layers.there + layers.shared + layers.local,
  };
}
