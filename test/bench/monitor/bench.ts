import { Stage } from '../../runtime/support/stage';
import { writeResult } from '../result';
import { execLatency } from './exec-latency';
import { figureTable, type Figure } from './figure';
import { growthByLog } from './growth';
import { logFigures } from './log-figures';
import { memory } from './memory';
import { buildPrograms, type Programs } from './programs';
import { stalledAttach } from './stalled-attach';
import { execs, exits } from './storms';

/** How much of each is done. */
export interface MonitorExtent {
  /** Execs one after the other, and as many of the runtime’s own, in each round. */
  readonly latency: number;
  /** MiB that each log gets. */
  readonly logMib: number;
  /** Containers and execs with the fake runtime, and with runc. */
  readonly containers: number;
  readonly runcContainers: number;
  readonly execs: number;
  readonly runcExecs: number;
  /** How long an attach client does not read. */
  readonly stalledSeconds: number;
}

export interface MonitorBenchOptions {
  readonly extent: MonitorExtent;
  /** The parts to do, of `monitorParts`. */
  readonly parts: readonly MonitorPart[];
  readonly resultDir: string;
  readonly say: (line: string) => void;
}

const parts = {
  async memory({ real }: Programs) {
    await using stage = await Stage.open(real);
    return await memory(stage, real.runtime);
  },
  log: (_: Programs, { logMib }: MonitorExtent) => logFigures(logMib << 20),
  growth: ({ fake }: Programs, { logMib }: MonitorExtent) => growthByLog(fake, logMib << 20),
  async latency({ real, spawnTimer }: Programs, { latency }: MonitorExtent) {
    await using stage = await Stage.open(real);
    return await execLatency(stage, { runtime: real.runtime, spawnTimer }, latency);
  },
  exits: async ({ real, fake }: Programs, { containers, runcContainers }: MonitorExtent) => [
    ...(await exits(fake, 'fake runtime', containers)),
    ...(await exits(real, 'runc', runcContainers)),
  ],
  execs: async ({ real, fake }: Programs, extent: MonitorExtent) => [
    ...(await execs(fake, 'fake runtime', extent.execs)),
    ...(await execs(real, 'runc', extent.runcExecs)),
  ],
  attach: ({ fake }: Programs, { stalledSeconds }: MonitorExtent) => stalledAttach(fake, stalledSeconds),
} satisfies Record<string, (programs: Programs, extent: MonitorExtent) => Promise<readonly Figure[]>>;

export type MonitorPart = keyof typeof parts;
export const monitorParts = Object.keys(parts) as readonly MonitorPart[];

/** Measures the monitor part by part, prints a table of each and writes all as JSON; gives its path. */
export async function monitorBench(options: MonitorBenchOptions): Promise<string> {
  const { extent, resultDir, say } = options;
  // The pauses of src/ keep no process alive, and between two containers nothing else would.
  const alive = setInterval(() => undefined, 60_000);
  try {
    const programs = await buildPrograms();
    const figures: Figure[] = [];
    for (const part of options.parts) {
      const begun = performance.now();
      const measured = await parts[part](programs, extent);
      figures.push(...measured);
      say(`\n${figureTable(measured)}\n${part} took ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    }
    return await writeResult(resultDir, 'monitor-', { extent, figures });
  } finally {
    clearInterval(alive);
  }
}
