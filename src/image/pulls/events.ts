import type { ErrorCode, EventBus } from '../../base';
import type { LayerOrigin } from '../../storage';

/** How a pull ended: `given-up` is one that was cancelled, by a removal, the daemon's end or for want of a caller. */
export type PullOutcome = 'pulled' | 'failed' | 'given-up';

/** How far one layer of a pull is. */
export interface LayerState {
  readonly digest: string;
  /** Of the compressed blob, in bytes. */
  readonly size: number;
  /** What of it came over the network. */
  readonly received: number;
  /** Where it came from, once it is unpacked; undefined before. */
  readonly ready: LayerOrigin | undefined;
}

/** How far a pull is. */
export interface PullState {
  /** The full name. */
  readonly image: string;
  /** The host that it is fetched from; undefined before the first is asked. */
  readonly endpoint: string | undefined;
  /** Bytes of layers that came over the network, those of endpoints that failed included. */
  readonly bytes: number;
  /** Compressed bytes and number of all layers; 0 until the manifest is there. */
  readonly totalBytes: number;
  readonly totalLayers: number;
  /** Layers that are ready, by where they came from. */
  readonly layers: Readonly<Record<LayerOrigin, number>>;
  /** Those that the manifest names, base first. */
  readonly perLayer: readonly LayerState[];
  /** Since it began. */
  readonly seconds: number;
}

/** What is told of pulls. Progress comes at most once a second for each. */
export type PullEvent =
  | ({ readonly kind: 'pull-started' } & PullState)
  | ({ readonly kind: 'pull-progress' } & PullState)
  | ({
      readonly kind: 'pull-finished';
      readonly outcome: PullOutcome;
      /** Why it was not pulled. */
      readonly failure?: ErrorCode;
    } & PullState);

/** Sums since the start, and what goes on now: for metrics. */
export interface PullStats {
  readonly inFlight: number;
  /** Those that wait for their turn. */
  readonly waiting: number;
  readonly outcomes: Readonly<Record<PullOutcome, number>>;
  /** Bytes of layers that came over the network, those of pulls in flight included. */
  readonly bytes: number;
  /** What the ended pulls took together. */
  readonly seconds: number;
  /** Layers of ended pulls, by where they came from. */
  readonly layers: Readonly<Record<LayerOrigin, number>>;
}

/** The pulls of this process, to be looked at. */
export interface PullsWatch {
  readonly events: Pick<EventBus<PullEvent>, 'subscribe'>;
  stats(): PullStats;
  /** Those in flight, oldest first. */
  running(): readonly PullState[];
}
