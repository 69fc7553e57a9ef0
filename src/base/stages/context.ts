import { AsyncLocalStorage } from 'node:async_hooks';
import type { Job } from './job';
import type { Stage, StageOptions } from './stage';
import { stageEnded } from './jobs';

interface Place {
  readonly job: Job;
  readonly stage: Stage | undefined;
}

/**
 * Where the code that runs belongs. Node follows promises for it from the first use on, at some 0.2 µs for each in the whole
 * process: a read of CRI has some twenty (docs/observability.md has what was measured).
 */
const places = new AsyncLocalStorage<Place | undefined>();

/** The job that the code which runs is part of, unless that is over: what it has left running belongs to nobody. */
export function currentJob(): Job | undefined {
  const job = places.getStore()?.job;
  return job?.over === false ? job : undefined;
}

/** Runs the work as part of the job. */
export function inJob<T>(job: Job, work: () => T): T {
  return places.run({ job, stage: undefined }, work);
}

/** Runs what outlives the job that happens to begin it: a container's watch, a pool's connections. */
export function outsideJobs<T>(work: () => T): T {
  return places.run(undefined, work);
}

/**
 * Runs one stage of the job that the caller is part of: as long as it goes on, it is where the job is. Outside of a job it is
 * the work and nothing else.
 */
export function stage<T>(op: string, work: () => Promise<T>, options: StageOptions = {}): Promise<T> {
  const place = places.getStore();
  if (!place || place.job.over) return work();
  const { job } = place;
  let parent = place.stage;
  while (parent?.endedAt !== undefined) parent = parent.parent;
  const begun = job.begin(op, parent, options);
  return places.run({ job, stage: begun }, () => run(begun, work));
}

/** As a stage: waits for what another call has begun, of which this one wants the result. `what` that is: `pull the image`. */
export function joining<T>(
  what: string,
  begunBy: Job | undefined,
  wait: () => Promise<T>,
  object?: string,
): Promise<T> {
  return stage(`waiting for another call to ${what}`, wait, { object, waitsFor: () => begunBy });
}

async function run<T>(begun: Stage, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    begun.failed = true;
    throw error;
  } finally {
    begun.job.finish(begun);
    stageEnded(begun);
  }
}

/**
 * Has Node follow promises no more, until the next job. For tests: each file has a storage of its own, one worker runs a hundred
 * of them, and a promise pays for each that was ever used in the process.
 */
export function stopFollowing(): void {
  places.disable();
}
