import type { Log } from '../log';
import { jobsInFlight, watchJobs } from './jobs';
import type { Job } from './job';

/** How often is looked for slow jobs, in milliseconds. */
const lookMs = 250;

/** How long each stage took, longest first, and who was waited for: for the log. Nothing of a job that was not slow. */
export function slowFields(job: Job): object {
  if (!job.slow) return {};
  const took = [...job.took].sort(([, a], [, b]) => b.ms - a.ms);
  return {
    stages: Object.fromEntries(
      took.map(([name, { times, ms }]) => [times > 1 ? `${name} (${times})` : name, round(ms)]),
    ),
    ...(job.waits.length > 0 && { waited: job.waits }),
  };
}

/**
 * Says of each job that is slow in which stage it is while it goes on: when it becomes slow, and again each time it has
 * taken twice as long. Of the background it is also said when it ends; an RPC has a line of its own for that.
 */
export function tellSlowJobs(log: Log): Disposable {
  const next = new WeakMap<Job, number>();
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    const jobs = jobsInFlight().filter(canBeSlow);
    for (const job of jobs) {
      const age = performance.now() - job.begunAt;
      if (age < (next.get(job) ?? job.slowAfterMs)) continue;
      next.set(job, 2 * age);
      tell(log, job, age);
    }
    if (jobs.length > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  const watch = watchJobs({
    began: (job) => {
      if (canBeSlow(job)) timer ??= setInterval(look, lookMs).unref();
    },
    ended: (job) => {
      if (job.kind !== 'background' || !job.slow) return;
      const fields = { job: job.id, ms: round(job.ageMs), ...job.ids, ...slowFields(job) };
      log.warn(fields, `${job.name} was slow: ${seconds(job.ageMs)}`);
    },
  });
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      watch[Symbol.dispose]();
    },
  };
}

/** Not what lasts as long as its caller wants: that is looked at by nobody. */
function canBeSlow({ slowAfterMs }: Job): boolean {
  return slowAfterMs < Infinity;
}

function tell(log: Log, job: Job, age: number): void {
  const stages = job.stages().map((stage) => ({ stage: stage.toString(), ms: round(stage.ageMs) }));
  const where = stages.map(({ stage }) => stage).join('; ') || 'in no stage';
  const left = job.end ? ', which nobody waits for any more,' : '';
  const fields = { job: job.id, ms: round(age), ...job.ids, now: stages, ...slowFields(job) };
  log.warn(fields, `${job.name}${left} is slow: ${seconds(age)} so far: ${where}`);
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
