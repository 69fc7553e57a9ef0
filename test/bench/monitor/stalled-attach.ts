import { mkdtemp, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isBerthError } from '../../../src/base';
import type { AttachSession } from '../../../src/runtime';
import { Barrier } from '../../runtime/support/barrier';
import { Stage, type Staged, type StagePrograms } from '../../runtime/support/stage';
import { atLeast, atMost, type Figure } from './figure';

/** The log is emptied when it is longer: it would fill the machine's memory in a minute. */
const logMax = 64 << 20;
const sampleMs = 10;
/** One that stalls is detached at once; another takes its place. */
const attachEveryMs = 5000;

/** How a log grew. */
interface Flow {
  readonly megabytesPerSecond: number;
  /** The longest time in which it did not. */
  readonly gapMs: number;
}

/** A container that writes as fast as it can, alone and beside clients that attach and never read. */
export async function stalledAttach(programs: StagePrograms, seconds: number): Promise<readonly Figure[]> {
  await using stage = await Stage.open(programs);
  const { rootfs } = stage.workspace;
  const folder = await mkdtemp('/dev/shm/berth-bench-');
  try {
    using barrier = new Barrier(rootfs);
    const logPath = join(folder, 'log');
    const script = `exec 3<${rootfs}/gate; printf . >${rootfs}/ready; read x <&3; exec yes ${'x'.repeat(99)}`;
    const staged = await stage.start({ args: ['sh', '-c', script], logPath });
    await barrier.full(1);
    barrier.release();
    const alone = await watch(logPath, seconds / 4);
    await using stalled = new StalledClients(staged);
    const beside = await watch(logPath, seconds);
    const untold = await stalled.untold();
    return [
      {
        what: `log beside a stalled attach client, ${seconds} s`,
        unit: 'MB/s',
        value: beside.megabytesPerSecond,
        beside: { who: 'without one', value: alone.megabytesPerSecond },
        bar: atLeast(beside.megabytesPerSecond, Math.floor(alone.megabytesPerSecond * 0.9), 'MB/s'),
      },
      {
        what: 'the longest time without a byte of log',
        unit: 'ms',
        value: beside.gapMs,
        beside: { who: 'without one', value: alone.gapMs },
        bar: atMost(beside.gapMs, 1000, 'ms'),
      },
      {
        what: `of ${stalled.count} clients: not told that they are slow`,
        unit: '',
        value: untold,
        bar: atMost(untold, 0, ''),
      },
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function watch(logPath: string, seconds: number): Promise<Flow> {
  const begun = performance.now();
  let size = (await stat(logPath)).size;
  let [grown, grewAt, gapMs] = [0, begun, 0];
  for (let now = begun; now - begun < seconds * 1000;) {
    await delay(sampleMs);
    const found = (await stat(logPath)).size;
    now = performance.now();
    if (found > size) {
      grown += found - size;
      gapMs = Math.max(gapMs, now - grewAt);
      grewAt = now;
      size = found;
    }
    if (found > logMax) {
      await truncate(logPath);
      size = 0;
    }
  }
  gapMs = Math.max(gapMs, performance.now() - grewAt);
  return { megabytesPerSecond: grown / (performance.now() - begun) / 1000, gapMs };
}

/** At every moment at least one client that has attached and does not read. */
class StalledClients implements AsyncDisposable {
  private readonly sessions: AttachSession[] = [];
  private readonly timer: NodeJS.Timeout;
  private open: () => void = () => undefined;
  private readonly gate = new Promise<void>((resolve) => (this.open = resolve));

  constructor(private readonly staged: Staged) {
    this.attach();
    this.timer = setInterval(() => this.attach(), attachEveryMs);
  }

  get count(): number {
    return this.sessions.length;
  }

  /** Reads on at last; gives how many were not told why they were detached. */
  async untold(): Promise<number> {
    clearInterval(this.timer);
    this.open();
    const ends = await Promise.allSettled(this.sessions.map(({ end }) => end));
    return ends.filter((end) => end.status === 'fulfilled' || !isSlow(end.reason)).length;
  }

  private attach(): void {
    const wait = () => this.gate;
    const wanted = { stdin: false, stdout: true, stderr: true };
    this.sessions.push(this.staged.monitor.attach(wanted, { stdout: wait, stderr: wait }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.timer);
    for (const session of this.sessions) session.detach();
  }
}

const isSlow = (error: unknown): boolean => isBerthError(error) && error.code === 'stream-slow';
