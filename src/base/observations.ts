import { EventBus } from './event-bus';

/** An operation that takes its time, told of when it is over. */
export type TimedOperation =
  /** A request to the launcher, by the name of its operation. */
  | { readonly kind: 'launcher'; readonly operation: string }
  /** What an OCI runtime was asked for, by berthd or by a monitor. */
  | { readonly kind: 'runtime'; readonly operation: string; readonly handler: string }
  /** A CNI plugin's run for one command. */
  | { readonly kind: 'network'; readonly operation: string; readonly plugin: string }
  /** A transaction of a table of records. */
  | { readonly kind: 'state'; readonly operation: string; readonly table: string };

/** What rooms tell of what has happened in them. */
export type Observation =
  | (TimedOperation & { readonly seconds: number; readonly failed: boolean })
  | { readonly kind: 'container-ended'; readonly reason: string }
  | { readonly kind: 'monitor-lost' };

/** Where rooms tell what has happened, for metrics. While nobody listens it costs a comparison. */
export class Observations {
  private readonly bus = new EventBus<Observation>();

  subscribe(listener: (observation: Observation) => void): Disposable {
    return this.bus.subscribe(listener);
  }

  tell(observation: Observation): void {
    this.bus.publish(observation);
  }

  /** Runs the operation, and tells how long it took and whether it failed. */
  async time<T>(operation: TimedOperation, work: () => Promise<T>): Promise<T> {
    if (this.bus.size === 0) return work();
    const begun = performance.now();
    let failed = true;
    try {
      const result = await work();
      failed = false;
      return result;
    } finally {
      this.tell({ ...operation, seconds: (performance.now() - begun) / 1000, failed });
    }
  }
}
