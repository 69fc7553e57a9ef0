import { Job, type JobEnd, type JobFacts } from './job';
import type { Stage } from './stage';

/** Told of jobs as they go on. What it throws is its own bug and surfaces where the job is. */
export interface JobWatcher {
  began?(job: Job): void;
  stageEnded?(stage: Stage): void;
  /** Answered; what its caller no longer waits for may go on. */
  ended?(job: Job): void;
}

interface Registry {
  /** Those that are not over, oldest first. */
  readonly inFlight: Set<Job>;
  readonly watchers: Set<JobWatcher>;
  slowAfterMs: (facts: JobFacts) => number;
}

/** The jobs of this process. */
const registry: Registry = { inFlight: new Set(), watchers: new Set(), slowAfterMs: () => Infinity };

/** Jobs that are not over, oldest first. */
export function jobsInFlight(): readonly Job[] {
  return [...registry.inFlight];
}

/** Watches all jobs from now on, until disposed of. */
export function watchJobs(watcher: JobWatcher): Disposable {
  registry.watchers.add(watcher);
  return { [Symbol.dispose]: () => void registry.watchers.delete(watcher) };
}

/** Says from when on jobs that begin from now on are slow, in milliseconds. */
export function slowJobs(afterMs: (facts: JobFacts) => number): void {
  registry.slowAfterMs = afterMs;
}

/** Begins a job, which has to be ended by `endJob`. */
export function beginJob(facts: JobFacts): Job {
  const job = new Job(facts, facts.endless ? Infinity : registry.slowAfterMs(facts));
  registry.inFlight.add(job);
  for (const watcher of registry.watchers) watcher.began?.(job);
  return job;
}

export function endJob(job: Job, end: JobEnd): void {
  job.end = end;
  job.endedAt = performance.now();
  for (const watcher of registry.watchers) watcher.ended?.(job);
  forgetIfOver(job);
}

/** For `stage`: one has ended, and perhaps with it its job. */
export function stageEnded(stage: Stage): void {
  for (const watcher of registry.watchers) watcher.stageEnded?.(stage);
  forgetIfOver(stage.job);
}

function forgetIfOver(job: Job): void {
  if (job.over) registry.inFlight.delete(job);
}
