import { openExec, type ExecClient } from '../../src/streaming';
import { slow } from '../../test/slow.cjs';
import { footprint } from '../support/sessions/figures';
import { berthOnly, daemonUnderTest, useWorld } from '../support/suite';
import { until } from '../support/wait';
import type { Running } from '../support/world';

const suite = useWorld();
let container: Running;
let other: Running;
beforeAll(async () => {
  [container, other] = await Promise.all([suite.world.start(), suite.world.start()]);
});

const mebibyte = 1024 * 1024;
/** What pipes, sockets and berthd hold on the way; the kernel's own buffers of a TCP connection are most of it. */
const onTheWay = 12 * mebibyte;
/** A stalled session of berthd's own memory, generously: it is some 200 KiB. */
const ofBerthd = 24 * mebibyte;
/** How much longer others may take beside a stalled session than before it. What must not be is that they wait for it. */
const slowerAtMost = 8;

const wants = { stdin: true, stdout: true, stderr: false, tty: false };
const exec = async (where: Running, script: string, signal?: AbortSignal) => {
  const url = await suite.world.cri.exec({ containerId: where.id, cmd: ['sh', '-c', script], ...wants });
  return openExec(url, wants, signal);
};

/** Waits until the number has been the same for twenty readings. */
async function standstill(what: string, read: () => Promise<number> | number): Promise<number> {
  let last = -1;
  let same = 0;
  await until(
    `${what} to stand still`,
    async () => {
      const now = await read();
      same = now === last && now > 0 ? same + 1 : 0;
      last = now;
      return same >= 20;
    },
    120_000,
  );
  return last;
}

/** Milliseconds that a line needs there and back through a session that is open, on average. */
async function roundTrips(session: ExecClient, count: number): Promise<number> {
  const begun = performance.now();
  for (let line = 0; line < count; line++) {
    const answer = new Promise((resolve) => session.stdout?.once('data', resolve));
    session.stdin?.write(`line ${line}\n`);
    await answer;
  }
  return (performance.now() - begun) / count;
}

async function pss(): Promise<number> {
  const daemon = await daemonUnderTest();
  if (!daemon) throw new Error('only a daemon that e2e/run has started can be looked into');
  return (await footprint(daemon)).pss;
}

berthOnly('backpressure', () => {
  test(
    'a client that does not read its output stalls its command, and nobody else',
    async () => {
      const client = new AbortController();
      const neighbours = await Promise.all([exec(container, 'cat'), exec(other, 'cat')]);
      const before = await Promise.all(neighbours.map((session) => roundTrips(session, 100)));
      const memory = await pss();

      const chunk = 64 * 1024;
      const script = `i=0; while head -c ${chunk} /dev/zero; do i=$((i + 1)); echo $i >/tmp/written; done`;
      const stalled = await exec(container, script, client.signal);
      stalled.status.catch(() => undefined);
      const written = async () => Number(await suite.world.sh(container, 'cat /tmp/written 2>/dev/null || echo 0'));
      const chunks = await standstill('the command', written);
      expect(chunks * chunk).toBeLessThan(onTheWay);
      expect(await pss()).toBeLessThan(memory + ofBerthd);
      const beside = await Promise.all(neighbours.map((session) => roundTrips(session, 100)));
      beside.forEach((ms, index) => expect(ms / (before[index] ?? NaN)).toBeLessThan(slowerAtMost));

      // Once the client reads, the command goes on.
      stalled.stdout?.resume();
      await until('the command to go on', async () => (await written()) > chunks);
      client.abort();
      for (const { stdin } of neighbours) stdin?.end();
      expect(await Promise.all(neighbours.map(({ status }) => status))).toEqual([0, 0]);
    },
    240_000 * slow,
  );

  test(
    'a command that does not read its input stalls its client, and nobody else',
    async () => {
      const client = new AbortController();
      const neighbour = await exec(container, 'cat');
      const before = await roundTrips(neighbour, 100);
      const memory = await pss();

      const deaf = await exec(container, 'sleep 1000', client.signal);
      deaf.status.catch(() => undefined);
      deaf.stdin?.on('error', () => undefined);
      let taken = 0;
      const chunk = Buffer.alloc(64 * 1024);
      const feed = () => {
        deaf.stdin?.write(chunk, (error) => {
          if (error) return;
          taken += chunk.length;
          feed();
        });
      };
      feed();
      expect(await standstill('the client', () => taken)).toBeLessThan(onTheWay);
      expect(await pss()).toBeLessThan(memory + ofBerthd);
      expect((await roundTrips(neighbour, 100)) / before).toBeLessThan(slowerAtMost);

      client.abort();
      neighbour.stdin?.end();
      expect(await neighbour.status).toBe(0);
      await until(
        'the command to be gone',
        async () => {
          return (await suite.world.sh(container, 'ps -o args | grep -c "^sleep 1000" || true')) === '0';
        },
        60_000,
      );
    },
    240_000 * slow,
  );
});
