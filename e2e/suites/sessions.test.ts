import { setMaxListeners } from 'node:events';
import { appendFile } from 'node:fs/promises';
import { type ExecClient, openExec } from '../../src/streaming';
import { slow } from '../../test/slow.cjs';
import { seededRandom } from '../support/random';
import { backTo, footprint, type Footprint } from '../support/sessions/figures';
import { type Stand, goodForward, goodSession, servePorts, talk, vanishingSession } from '../support/sessions/visitors';
import type { PodProgram } from '../support/pod-program';
import { berthOnly, daemonUnderTest, useWorld } from '../support/suite';
import { until } from '../support/wait';
import type { Running } from '../support/world';

const suite = useWorld();
/** `npm run sessions` asks for 10,000. */
const count = Number(process.env['BERTH_SESSIONS'] ?? 120);
const seed = Number(process.env['BERTH_SESSIONS_SEED'] ?? 20261130);
const report = process.env['BERTH_SESSIONS_REPORT'];
const atOnce = 200;
/** Sessions in a row run side by side to so many. */
const side = 8;
/**
 * What berthd's memory may have grown by. It cannot be told to collect, and the heap of 200 sessions at once is not given back
 * to the kernel whole; but what comes after has to fit into it, however many there are.
 */
const memoryTolerance = { atOnce: 80 * 1024 * 1024, inRow: 40 * 1024 * 1024 };

let container: Running;
let stand: Stand;
let program: PodProgram;
beforeAll(async () => {
  const { world } = suite;
  container = await world.start();
  const talker = await world.start({ command: ['sh', '-c', talk], stdin: true });
  const server = await world.start({}, await world.runPod());
  stand = { container, talker, server };
  program = await servePorts(world, server);
});
afterAll(async () => program[Symbol.asyncDispose]());

async function daemonOf() {
  const daemon = await daemonUnderTest();
  if (!daemon) throw new Error('only a daemon that e2e/run has started can be looked into');
  return daemon;
}

berthOnly('sessions', () => {
  let before: Footprint;
  beforeAll(async () => {
    // The first fill caches, pools and threads.
    await inRow(20, async (index) => {
      await goodSession(suite.world, container, `warm ${index}`);
      await goodForward(suite.world, stand, `warm ${index}`);
    });
    before = await footprint(await daemonOf());
  });

  test(
    `${atOnce} at once all live, and leave nothing`,
    async () => {
      // One that fails leaves nothing to the next case.
      const leaving = new AbortController();
      setMaxListeners(0, leaving.signal);
      try {
        const sessions = await inRow(atOnce, () => open(leaving.signal));
        await Promise.all(sessions.map(async ({ stdin }, index) => stdin?.write(`line ${index}\n`)));
        // All are there at the same time: none has ended while the others answer.
        const first = await Promise.all(sessions.map(firstChunk));
        expect(first).toEqual(sessions.map((_, index) => `line ${index}\n`));
        const { pss } = await footprint(await daemonOf());
        for (const { stdin } of sessions) stdin?.end();
        expect(await Promise.all(sessions.map(({ status }) => status))).toEqual(sessions.map(() => 0));
        before = await settle('at once', atOnce, memoryTolerance.atOnce, pss);
      } finally {
        leaving.abort();
      }
    },
    240_000 * slow,
  );

  test(
    `${count} execs, attaches and port-forwards in a row, of clients that vanish at random (seed ${seed}), leave nothing`,
    async () => {
      const random = seededRandom(seed);
      await inRow(count, async (index) => {
        const drawn = random();
        if (drawn < 0.2) await goodSession(suite.world, container, `session ${index}`);
        else if (drawn < 0.3) await goodForward(suite.world, stand, `session ${index}`);
        else await vanishingSession(suite.world, stand, random);
      });
      await settle('in a row', count, memoryTolerance.inRow);
      expect(await suite.world.sh(container, 'ps -o args | grep -cE "^(yes|cat|sleep 1000|head)" || true')).toBe('0');
    },
    (120_000 + count * 2000) * slow,
  );

  async function settle(what: string, sessions: number, tolerance: number, during?: number): Promise<Footprint> {
    let after = await backTo(before, await daemonOf());
    // Its heap is collected while there is work, and only then.
    await until(
      'its memory to be back',
      async () => {
        if (after.pss < before.pss + tolerance) return true;
        await goodSession(suite.world, container, 'more work');
        after = await backTo(before, await daemonOf());
        return false;
      },
      60_000,
    );
    if (report !== undefined) {
      const figures = {
        what,
        sessions,
        seed,
        pss: { before: before.pss, during, after: after.pss },
        threads: [before.threads, after.threads],
      };
      await appendFile(report, `${JSON.stringify(figures)}\n`);
    }
    return after;
  }
});

const wants = { stdin: true, stdout: true, stderr: false, tty: false };

async function open(signal: AbortSignal) {
  const url = await suite.world.cri.exec({ containerId: container.id, cmd: ['cat'], ...wants });
  return openExec(url, wants, signal);
}

/** Rejects where the session ends without a word. */
async function firstChunk({ stdout, status }: ExecClient): Promise<string> {
  const chunk = new Promise<Buffer>((resolve) => stdout?.once('data', resolve));
  const ended = status.then((code): never => {
    throw new Error(`a session has ended with ${code} before it said anything`);
  });
  return (await Promise.race([chunk, ended])).toString();
}

/** So many calls, some of them side by side; their results in order. */
async function inRow<T>(calls: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: side }, async () => {
      while (next < calls) {
        const index = next++;
        results[index] = await make(index);
      }
    }),
  );
  return results;
}
