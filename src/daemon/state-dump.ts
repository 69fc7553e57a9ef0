import { monitorEventLoopDelay, performance, type EventLoopUtilization } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { type Job, jobsInFlight } from '../base';
import type { Engine } from '../engine';
import { berthVersion } from './version';

/** What is told of the rooms: none while a start has not opened them. */
type Rooms = Pick<Engine, 'kernel' | 'pods' | 'containers' | 'images' | 'pulls' | 'tracing'>;

/** Jobs, and requests to the launcher, that are listed; the oldest first. */
const most = 500;
/** Stages of one job, innermost, and those that have ended. */
const mostStages = 8;
const mostEnded = 16;
/** Between two looks at the event loop, in milliseconds. */
const loopLookMs = 50;

/** Looks at this process for a person: what goes on, for how long, and what it holds. Nothing that a request carried but ids. */
export class StateDump {
  private readonly delay = monitorEventLoopDelay({ resolution: loopLookMs });
  private utilization: EventLoopUtilization = performance.eventLoopUtilization();
  private since = Date.now();

  constructor() {
    this.delay.enable();
  }

  /** The state now, as JSON can have it. What it says of the event loop is since the dump before. */
  take(rooms: Rooms | undefined): object {
    const jobs = jobsInFlight();
    const requests = rooms?.kernel.requests() ?? [];
    return {
      time: new Date().toISOString(),
      versions: { berth: berthVersion, node: process.version, v8: process.versions.v8, uv: process.versions.uv },
      pid: process.pid,
      uptimeSeconds: Math.round(process.uptime()),
      eventLoop: this.eventLoop(),
      jobs: { inFlight: jobs.length, oldest: jobs.slice(0, most).map(jobState) },
      waiting: waiting(jobs),
      launcher: {
        inFlight: requests.length,
        oldest: requests
          .slice(0, most)
          .map(({ op, object, ms }) => ({ op, object: object?.slice(0, 256), ms: round(ms) })),
      },
      handles: counted(process.getActiveResourcesInfo()),
      memory: process.memoryUsage(),
      heap: getHeapStatistics(),
      cpu: process.cpuUsage(),
      pods: counted(rooms?.pods.list().map(({ phase }) => phase) ?? []),
      containers: counted(rooms?.containers.list().map(({ phase }) => phase) ?? []),
      images: rooms?.images.list().length,
      tracing: rooms?.tracing?.stats(),
      pulls: rooms?.pulls.running().map(({ image, endpoint, bytes, totalBytes, seconds }) => {
        return { image, endpoint, bytes, totalBytes, seconds: round(seconds) };
      }),
    };
  }

  private eventLoop(): object {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.utilization);
    const { delay } = this;
    // The histogram holds the whole time between two looks, and is empty before the first.
    const late = (ns: number) => (delay.count > 0 ? Math.max(0, round(ns / 1e6 - loopLookMs)) : 0);
    const lateMs = { mean: late(delay.mean), p99: late(delay.percentile(99)), max: late(delay.max) };
    const sinceSeconds = Math.round((Date.now() - this.since) / 1000);
    this.utilization = now;
    this.since = Date.now();
    delay.reset();
    return { sinceSeconds, utilization: Math.round(utilization * 1000) / 1000, lateMs };
  }
}

function jobState(job: Job): object {
  const now = performance.now();
  const took = [...job.took].sort(([, a], [, b]) => b.ms - a.ms).slice(0, mostEnded);
  return {
    id: job.id,
    name: job.name,
    kind: job.kind,
    about: job.ids,
    ms: round(now - job.begunAt),
    ...(job.end && { answered: true }),
    now: job
      .stages()
      .slice(0, mostStages)
      .map((stage) => ({ stage: stage.toString(), ms: round(stage.ageMs) })),
    before: Object.fromEntries(took.map(([name, { times, ms }]) => [name, { times, ms: round(ms) }])),
  };
}

/** How many wait for what: the queues of locks, slots and works that are joined. */
function waiting(jobs: readonly Job[]): Readonly<Record<string, number>> {
  const names = jobs.flatMap((job) => job.stages().map(({ name }) => name));
  return counted(names.filter((name) => name.startsWith('waiting for')));
}

function counted(names: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a).slice(0, most));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
