import { abortable, BerthError, currentJob, type Job, joining, stage } from '../../base';
import type { ImageRecord } from '../../state';

interface PullJob {
  /** The job that began it. */
  readonly of: Job | undefined;
  readonly image: string;
  readonly result: Promise<ImageRecord>;
  readonly controller: AbortController;
  waiters: number;
  /** Ends the job when nobody has come back for it. */
  timer: NodeJS.Timeout | undefined;
}

/** How long a pull goes on for nobody. The kubelet asks again within its back-off, five minutes at most. Milliseconds. */
const unwaitedMs = 30 * 60_000;

/**
 * Pulls in flight: equal ones are one job, whose callers are counted. Who gives up ends its wait and not the job, for
 * the kubelet asks again and then joins it. A job without callers ends with the removal of what it pulls, after half
 * an hour, or with the process.
 */
export class PullJobs {
  private readonly jobs = new Set<PullJob>();
  /** Those that can be joined. One that is being ended cannot: whoever comes then wants the image. */
  private readonly open = new Map<string, PullJob>();

  constructor(private readonly patienceMs: number = unwaitedMs) {}

  /** Joins the job for this image with these credentials (`mark`), or starts it. */
  async run(
    image: string,
    mark: string,
    pull: (signal: AbortSignal) => Promise<ImageRecord>,
    signal?: AbortSignal,
  ): Promise<ImageRecord> {
    const key = `pull ${image}${mark}`;
    const joined = this.open.get(key);
    const job = joined ?? this.start(key, image, pull);
    clearTimeout(job.timer);
    job.waiters++;
    const wait = () => abortable(job.result, signal, key);
    try {
      return await (joined ? joining('pull the image', joined.of, wait) : wait());
    } finally {
      if (--job.waiters === 0) this.abandon(job);
    }
  }

  /** Ends the pulls of this image that nobody waits for, and waits until they have taken back what they did. */
  async endUnwaited(image: string): Promise<void> {
    const ended = [...this.jobs].filter((job) => job.image === image && job.waiters === 0);
    for (const job of ended) job.controller.abort(unwanted(image, 'the image is removed'));
    await Promise.allSettled(ended.map(({ result }) => result));
  }

  /** Aborts every job and waits for them to end. */
  async abortAll(reason: unknown): Promise<void> {
    for (const { controller } of this.jobs) controller.abort(reason);
    await Promise.allSettled([...this.jobs].map(({ result }) => result));
  }

  private start(key: string, image: string, pull: (signal: AbortSignal) => Promise<ImageRecord>): PullJob {
    const controller = new AbortController();
    const close = () => {
      if (this.open.get(key) === job) this.open.delete(key);
    };
    controller.signal.addEventListener('abort', close);
    // A stage of the first caller's: what it no longer waits for is still its.
    const result = stage('pull', () => pull(controller.signal)).finally(() => {
      clearTimeout(job.timer);
      this.jobs.delete(job);
      close();
    });
    // A job whose callers have all left must not end the process by its rejection.
    result.catch(() => undefined);
    const job: PullJob = { of: currentJob(), image, result, controller, waiters: 0, timer: undefined };
    this.jobs.add(job);
    this.open.set(key, job);
    return job;
  }

  private abandon(job: PullJob): void {
    if (!this.jobs.has(job)) return;
    job.timer = setTimeout(
      () => job.controller.abort(unwanted(job.image, 'nobody has asked for it for half an hour')),
      this.patienceMs,
    );
    job.timer.unref();
  }
}

function unwanted(image: string, detail: string): BerthError {
  return new BerthError('call-cancelled', { op: 'pull', object: image, detail });
}
