import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../../e2e/support/wait';
import { Barrier } from '../../runtime/support/barrier';
import { Stage, type StagePrograms } from '../../runtime/support/stage';
import { atMost, type Figure } from './figure';
import { atRest } from './footprint';

/** Below this it is no growth: a few pages of heap come and go. */
const grainKiB = 16;

/** What it takes for a monitor to have every page of its text in memory, that a growth is not mistaken for. */
const warmingBytes = 1 << 20;

/** How much a process grows by some work, when it is at rest before and after. */
export async function growth(pid: number, what: string, work: () => Promise<unknown>): Promise<Figure> {
  const before = await pss(pid);
  await work();
  const value = (await pss(pid)) - before;
  return { what: `growth of ${before} KiB PSS by ${what}`, unit: 'KiB', value, bar: atMost(value, grainKiB, 'KiB') };
}

/** A monitor's growth by so many bytes of log, kept on a tmpfs. */
export async function growthByLog(programs: StagePrograms, bytes: number): Promise<readonly Figure[]> {
  await using stage = await Stage.open(programs);
  const { rootfs } = stage.workspace;
  const folder = await mkdtemp('/dev/shm/berth-bench-');
  try {
    using barrier = new Barrier(rootfs);
    const write = (count: number) => `yes ${'x'.repeat(99)} | head -c ${count}`;
    const wait = `printf . >${rootfs}/ready; read x <&3`;
    const script = `exec 3<${rootfs}/gate; ${write(warmingBytes)}; ${wait}; ${write(bytes)}; exec sleep 100000`;
    const logPath = join(folder, 'log');
    const staged = await stage.start({ args: ['sh', '-c', script], logPath });
    await barrier.full(1);
    const written = async () => (await stat(logPath)).size > bytes;
    const figure = await growth(staged.process.pid, `${bytes >> 20} MiB of log`, async () => {
      barrier.release();
      await until('the log to be written', written, 600_000);
    });
    return [figure];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function pss(pid: number): Promise<number> {
  const [found] = await atRest([pid]);
  return found?.pss ?? Number.NaN;
}
