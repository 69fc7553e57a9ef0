import type { MonitorState } from './monitor';

/** OOM kills in the container's cgroup since it was created, so many at this time (nanoseconds since the epoch). */
export interface OomEvent {
  readonly kind: 'oom';
  readonly count: bigint;
  readonly at: bigint;
}

/** What has happened to the first log file, and the file that is written to now. */
export interface LogEvent {
  readonly kind: 'log';
  readonly change: 'loses' | 'writes' | 'opened-anew' | 'rotated';
  readonly inode: bigint;
  readonly size: bigint;
  /** Bytes of records that were dropped since the container was created. */
  readonly dropped: bigint;
}

export interface StateEvent {
  readonly kind: 'state';
  readonly state: MonitorState;
}

/** What a monitor tells who only watches. */
export type MonitorEvent = StateEvent | OomEvent | LogEvent;

/** A watch over one container. */
export interface MonitorSubscription {
  /**
   * What happens, in order. Ends when it is closed, or when the monitor leaves after the container's end; throws
   * `monitor-lost` if the monitor died, `stream-slow` if too much was left unread. To be read by one reader.
   */
  readonly events: AsyncIterable<MonitorEvent>;
  close(): void;
}
