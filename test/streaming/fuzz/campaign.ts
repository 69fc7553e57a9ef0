import { appendFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLog } from '../../../src/base';
import { type StreamingServer, createStreamingServer } from '../../../src/streaming';
import { slow } from '../../slow.cjs';
import { FuzzTarget, behaviours } from './fuzz-target';
import { Random } from './random';
import { type Asked, type Visit, type Visited, visit } from './vandal';

/** Seconds of the long form; without it there are so many visits. */
const seconds = Number(process.env['BERTH_FUZZ_SECONDS'] ?? 0);
const firstSeed = Number(process.env['BERTH_FUZZ_SEED'] ?? 1);
/** The one visit that a failure has named. */
const only = process.env['BERTH_FUZZ_ONLY'];
const atOnce = 24;
const deadlineMs = 30_000 * slow;
/** What may be there more than before: caches, and what the collector has not brought back. */
const memoryTolerance = 24 * 1024 * 1024;

export const fuzzTimeoutMs = (seconds * 1000 + 120_000) * slow;

type Draw = (random: Random, asked: Asked) => Promise<Visit>;

export interface Figures {
  visits: number;
  switched: number;
  /** Commands and forwarded connections that were begun. */
  started: number;
  endedByServer: number;
  sentBytes: number;
  receivedBytes: number;
  /** Bytes of this process before the visits, in the middle and behind them, after a collection. */
  memory: number[];
}

/** Has hostile clients visit a server, and finds out whether anything of them is left. The visits are drawn from seeds. */
export async function campaign(name: string, visits: number, draw: Draw): Promise<Figures> {
  const target = new FuzzTarget();
  // The server sends away who stays: soon, so that most of the time is spent on others.
  const server = createStreamingServer({
    ...{ host: '127.0.0.1', port: 0, target, log: silentLog(), maxTokens: 10_000 },
    ...{ idleTimeoutMs: 1000, creationTimeoutMs: 800 },
  });
  await server.listen();
  const figures: Figures = {
    visits: 0,
    switched: 0,
    started: 0,
    endedByServer: 0,
    sentBytes: 0,
    receivedBytes: 0,
    memory: [],
  };
  const until = performance.now() + seconds * 1000;
  let next = firstSeed;
  const enough = () =>
    only === undefined ? (seconds > 0 ? performance.now() > until : figures.visits >= visits) : figures.visits > 0;
  const pay = async (count: number) => {
    const first = next;
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (next < first + count && !enough()) {
          const seed = only === undefined ? next++ : Number(only);
          note(figures, await one(server, seed, draw));
        }
      }),
    );
  };
  try {
    // The first fill the caches.
    await pay(Math.min(visits, 100));
    await settled(target);
    figures.memory.push(memory());
    while (!enough()) {
      await pay(1000);
      await settled(target);
      figures.memory.push(memory());
    }
  } finally {
    await server.close();
  }
  figures.started = target.started;
  await report(name, figures);
  const [before = 0] = figures.memory;
  expect(figures.memory.at(-1)).toBeLessThan(before + memoryTolerance);
  return figures;
}

async function one(server: StreamingServer, seed: number, draw: Draw): Promise<Visited> {
  const random = new Random(seed);
  try {
    const asked = anyRequest(server, random);
    return await visit(asked.url, await draw(random, asked), random, deadlineMs);
  } catch (cause) {
    throw new Error(`visit ${seed} (BERTH_FUZZ_ONLY=${seed} pays it alone)`, { cause });
  }
}

function anyRequest(server: StreamingServer, random: Random): Asked {
  const tty = random.chance(0.3);
  const streams = { tty, stdin: random.chance(0.8), stdout: true, stderr: !tty && random.chance(0.7) };
  switch (random.below(4)) {
    case 0:
      return { verb: 'attach', url: server.attachUrl({ containerId: 'c', ...streams }), ...streams };
    case 1: {
      const url = server.portForwardUrl({ podId: 'p', ports: random.chance(0.5) ? [] : [80, 81] });
      return { verb: 'portforward', url, ...streams };
    }
    default: {
      const url = server.execUrl({ containerId: 'c', cmd: [random.pick(behaviours)], ...streams });
      return { verb: 'exec', url, ...streams };
    }
  }
}

function note(figures: Figures, { switched, sent, received, ended }: Visited): void {
  figures.visits++;
  if (switched) figures.switched++;
  if (ended) figures.endedByServer++;
  figures.sentBytes += sent;
  figures.receivedBytes += received;
}

/** Waits until nothing of the visits is left: no command, no connection, no socket. */
async function settled(target: FuzzTarget): Promise<void> {
  const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
  const end = performance.now() + deadlineMs;
  while (target.active > 0 || sockets() > 0) {
    if (performance.now() > end) throw new Error(`left behind: ${target.active} of the target, ${sockets()} sockets`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Of buffers and of the heap, when what is garbage is gone. */
function memory(): number {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function report(name: string, figures: Figures): Promise<void> {
  const file = process.env['BERTH_FUZZ_REPORT'];
  if (file !== undefined) await appendFile(file, `${JSON.stringify({ name, seed: firstSeed, ...figures })}\n`);
}
