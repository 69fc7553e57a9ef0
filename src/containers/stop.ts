import { constants } from 'node:os';
import { abortable, BerthError, currentJob, isBerthError, type Job, joining, stage, step } from '../base';
import type { SupervisorParts, Supervisor } from './supervisor';
import { Deadline } from './deadline';

/** How long the kernel has to end what SIGKILL was sent to, before the whole cgroup is killed. */
const killGraceMs = 5_000;
/** How long after that; a process in uninterruptible sleep is the kernel's to release. */
const cgroupKillMs = 30_000;

/** A stop that runs. */
interface Stop {
  readonly deadline: Deadline;
  /** The job that began it. */
  readonly of: Job | undefined;
  killing: boolean;
  done: Promise<void>;
}

/** Stops containers: signal, wait, kill. One stop per container runs; callers join it, and it outlives them. */
export class Stopper {
  private readonly stops = new Map<string, Stop>();

  constructor(
    private readonly parts: SupervisorParts,
    private readonly supervisor: Supervisor,
  ) {}

  /** Whether SIGKILL has been sent: no exec begins any more. */
  killing(id: string): boolean {
    return this.stops.get(id)?.killing ?? false;
  }

  /** Resolves when the container has ended. Unknown and ended containers are success (promise 3). */
  async stop(id: string, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const record = this.parts.table.get(id);
    if (
      !record ||
      record.exit ||
      (record.phase !== 'created' && record.phase !== 'running' && record.phase !== 'removing')
    )
      return;
    const wait = ({ done }: Stop) => abortable(done, signal, `StopContainer: container ${id}`);
    const joined = this.stops.get(id);
    if (joined) {
      joined.deadline.shorten(timeoutMs);
      return joining('stop the container', joined.of, () => wait(joined));
    }
    const stop: Stop = {
      deadline: new Deadline(timeoutMs),
      of: currentJob(),
      killing: false,
      done: Promise.resolve(),
    };
    stop.done = stage('stop the container', () => this.run(id, stop), { object: id }).finally(() =>
      this.stops.delete(id),
    );
    // Callers may all have left when it fails: the next call tries again.
    stop.done.catch(() => undefined);
    this.stops.set(id, stop);
    await wait(stop);
  }

  private async run(id: string, stop: Stop): Promise<void> {
    const record = this.parts.table.get(id);
    if (!record) return;
    const exited = this.supervisor.exited(id);
    // What was never started has nothing to say goodbye to: its init is still the OCI runtime's own code.
    if (record.phase === 'running') {
      await step('stop-container.signal', () => this.signal(id, record.stopSignal));
      if (await step('stop-container.wait', () => stop.deadline.race(exited))) return;
    }
    stop.killing = true;
    await step('stop-container.kill', () => this.signal(id, constants.signals.SIGKILL));
    if (await new Deadline(killGraceMs).race(exited)) return;
    await this.parts.kernel.removeCgroup(record.cgroupPath, AbortSignal.timeout(cgroupKillMs));
    if (await new Deadline(cgroupKillMs).race(exited)) return;
    throw new BerthError('deadline-exceeded', {
      op: 'StopContainer',
      object: `container ${id}`,
      detail: 'it was killed, but the kernel has not ended it: a process may hang in uninterruptible sleep',
      remedy: 'look for a hung mount or device with `cat /proc/<pid>/stack`; the stop is tried again by the next call',
    });
  }

  private async signal(id: string, signum: number): Promise<void> {
    try {
      await this.supervisor.monitor(id, 'StopContainer').signal(signum);
    } catch (error) {
      // It ended between the look and the signal: that is what was wanted.
      if (!isBerthError(error, 'container-state')) throw error;
    }
  }
}
