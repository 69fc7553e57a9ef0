import { EventBus, Observations } from '../../../../src/base';
import type { PullEvent, PullState, PullStats } from '../../../../src/image';
import { createMetrics, type Metrics, type MetricSources } from '../../../../src/observe';

/** Rooms whose figures a test sets. */
export class Rooms {
  readonly observations = new Observations();
  readonly pullEvents = new EventBus<PullEvent>();
  pulls: PullStats = {
    inFlight: 0,
    waiting: 0,
    outcomes: { pulled: 0, failed: 0, 'given-up': 0 },
    bytes: 0,
    seconds: 0,
    layers: { there: 0, shared: 0, local: 0, registry: 0 },
  };
  pods: { phase: string }[] = [];
  containers: { phase: string }[] = [];
  collections = 0;

  get sources(): MetricSources {
    return {
      observations: this.observations,
      pulls: { events: this.pullEvents, stats: () => this.pulls, running: () => [] },
      pods: () => this.pods,
      containers: () => this.containers,
      monitors: () => ({ connected: 3, unreachable: 1 }),
      images: () => ({ count: 2, bytes: 4096 }),
      launcher: () => ({ alive: true, inFlight: 4, starts: 2 }),
      queues: () => ({
        image_pulls: 1,
        layers: 2,
        pod_starts: 3,
        container_creates: 4,
        teardowns: 5,
        state_writes: 6,
      }),
      ready: () => ({ runtime: true, network: false }),
      state: () => {
        this.collections++;
        return { bytes: 8192, limit: 1 << 20 };
      },
      descriptors: () => ({ open: 30, limit: 1024 }),
    };
  }

  metrics(): Promise<Metrics> {
    return createMetrics(this.sources, '1.2.3');
  }
}

export const pullState: PullState = {
  image: 'registry.example/a:1',
  endpoint: 'registry.example',
  bytes: 0,
  totalBytes: 0,
  totalLayers: 0,
  layers: { there: 0, shared: 0, local: 0, registry: 0 },
  perLayer: [],
  seconds: 2,
};

/** Has each histogram and counter tell of something. */
export function live(rooms: Rooms, { calls }: Metrics): void {
  calls.began('Version');
  calls.ended('Version', 'OK', 0.002);
  calls.began('ExecSync');
  calls.ended('ExecSync', 'DEADLINE_EXCEEDED', 12);
  const { observations, pullEvents } = rooms;
  observations.tell({ kind: 'launcher', operation: 'run', seconds: 0.02, failed: false });
  observations.tell({ kind: 'runtime', operation: 'create', handler: 'runc', seconds: 0.08, failed: false });
  observations.tell({ kind: 'runtime', operation: 'delete', handler: 'runc', seconds: 0.03, failed: true });
  observations.tell({ kind: 'network', operation: 'ADD', plugin: 'bridge', seconds: 0.2, failed: false });
  observations.tell({ kind: 'state', operation: 'put', table: 'sandboxes', seconds: 0.001, failed: false });
  observations.tell({ kind: 'container-ended', reason: 'OOMKilled' });
  observations.tell({ kind: 'monitor-lost' });
  pullEvents.publish({ kind: 'pull-finished', outcome: 'pulled', ...pullState });
  pullEvents.publish({ kind: 'pull-finished', outcome: 'failed', failure: 'registry-denied', ...pullState });
}
