import type { Measured } from './measure';

/** How much of each kind of work a round does. */
export interface Extent {
  /** Pods started and stopped one after the other. */
  readonly pods: number;
  /** Commands run in one container, one after the other. */
  readonly execs: number;
  /** Pods asked for at once. */
  readonly burst: number;
  /** How often the stats of those are listed, one time after the other. */
  readonly stats: number;
}

/** Who is measured: a daemon over CRI, or the bare programs. */
export interface Contestant {
  readonly name: 'floor' | 'berth' | 'peer';
  readonly version: string;
  round(extent: Extent): Promise<readonly Measured[]>;
  close(): Promise<void>;
}
