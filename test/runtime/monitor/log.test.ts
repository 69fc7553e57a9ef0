import { readFile, rename, rm, stat } from 'node:fs/promises';
import { isBerthError } from '../../../src/base';
import { Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';
import { firstGap, LogEvents, say, sleeper } from '../support/log';
import { until } from '../support/until';
import { slow } from '../../slow.cjs';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

describe('what is written', () => {
  test('a prompt can be read after a second; what follows continues it', async () => {
    await using container = await sleeper(workspace);
    await say(container, 'printf "login: "');
    expect(await container.log()).toEqual([]);
    await until(async () => (await container.log()).length === 1);
    await say(container, 'echo root; printf "password: "');
    await until(async () => (await container.log()).length === 3);
    expect(await container.log()).toEqual(['stdout P login: ', 'stdout F root', 'stdout P password: ']);
  });

  test('lines of about 16 KiB are cut where they are longer, not before', async () => {
    const line = (length: number) => `head -c ${length} /dev/zero | cat -v | head -c ${length}; echo;`;
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', [16383, 16384, 16385, 32768, 32769].map(line).join(' ')],
    });
    await container.exited();
    const shape = (await container.log()).map((record) => `${record.slice(7, 8)}${record.length - 9}`);
    expect(shape).toEqual(['F16383', 'F16384', 'P16384', 'F1', 'P16384', 'F16384', 'P16384', 'P16384', 'F1']);
  });

  test('every byte but the newline is kept as it is', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => (byte === 10 ? 0 : byte)));
    const octal = [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    await using container = await TestContainer.start(workspace, { args: ['sh', '-c', `printf '${octal}\\n'`] });
    await container.exited();
    const log = await readFile(container.request.logPath ?? '');
    expect(log.subarray(40)).toEqual(Buffer.concat([bytes, Buffer.from('\n')]));
  });

  test('two floods at once keep their lines and their order', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', 'seq 100000 & seq 100001 200000 >&2; wait'],
    });
    await container.exited();
    const log = await container.log();
    const numbers = (stream: string) => log.filter((r) => r.startsWith(stream)).map((r) => Number(r.slice(9)));
    expect(numbers('stdout F')).toEqual(range(1, 100_000));
    expect(numbers('stderr F')).toEqual(range(100_001, 200_000));
    expect(log.length).toBe(200_000);
  });
});

describe('a log that is rotated', () => {
  test('by rename and reopen under load loses no line, doubles none', async () => {
    await using container = await TestContainer.launch(workspace, { args: ['seq', '1500000'] });
    const path = container.request.logPath ?? '';
    await container.monitor.created();
    await container.monitor.start();
    const rotated: string[] = [];
    while (container.monitor.state.kind === 'running') {
      const old = `${path}.${rotated.length}`;
      await rename(path, old);
      const reopened = await container.monitor.reopenLog().catch((error: unknown) => error);
      if (isBerthError(reopened, 'container-state')) {
        // It has ended meanwhile: put back, as the kubelet does.
        await rename(old, path);
        break;
      }
      expect(reopened).toMatchObject({ inode: (await stat(path, { bigint: true })).ino });
      rotated.push(old);
    }
    const record = await container.exited();
    const contents = await Promise.all([...rotated, path].map((file) => readFile(file, 'latin1')));
    expect(contents.every((content) => content === '' || content.endsWith('\n'))).toBe(true);
    expect(contents.filter((content) => content !== '').length).toBeGreaterThan(5);
    const text = contents.join('');
    expect(firstGap(text, 1)).toBeUndefined();
    expect(text.split('\n').length - 1).toBe(1_500_000);
    expect(record.bytesLogged).toBe(BigInt(text.length));
    expect(record.bytesDropped).toBe(0n);
  });

  test('by nobody else is put aside between two lines before it is too long', async () => {
    const logSizeMax = 100_000;
    await using container = await TestContainer.launch(workspace, { args: ['seq', '50000'], logSizeMax });
    await container.monitor.created();
    const events = await LogEvents.of(container);
    await container.monitor.start();
    const record = await container.exited();
    const path = container.request.logPath ?? '';
    const [older, newer] = await Promise.all([`${path}.1`, path].map((file) => readFile(file, 'latin1')));
    expect(older?.length).toBeGreaterThan(logSizeMax - 46);
    expect(Math.max(older?.length ?? 0, newer?.length ?? 0)).toBeLessThanOrEqual(logSizeMax);
    const text = `${older}${newer}`;
    expect(firstGap(text, 50_001 - (text.split('\n').length - 1))).toBeUndefined();
    expect(record.bytesLogged).toBe(BigInt(range(1, 50_000).reduce((sum, n) => sum + 41 + `${n}`.length, 0)));
    const { change, dropped } = await events.next();
    expect([change, dropped]).toEqual(['rotated', 0n]);
    events.close();
  });
});

describe('a log that its readers have lost', () => {
  test('because it was removed is made anew within a second of the next write', async () => {
    await using container = await sleeper(workspace);
    const events = await LogEvents.of(container);
    const path = container.request.logPath ?? '';
    await say(container, 'echo one');
    await until(async () => (await container.log()).length === 1);
    await rm(path);
    await say(container, 'echo two');
    const begun = Date.now();
    const { change, inode } = await events.next();
    expect(Date.now() - begun).toBeLessThan(2500 * slow);
    expect([change, inode]).toEqual(['opened-anew', (await stat(path, { bigint: true })).ino]);
    await say(container, 'echo three');
    await until(async () => (await container.log()).at(-1) === 'stdout F three');
    events.close();
  });

  test(
    'because it was moved away waits ten seconds for a reopen, and loses nothing',
    async () => {
      await using container = await TestContainer.start(workspace, {
        args: ['sh', '-c', 'i=0; while true; do echo $((i = i + 1)); sleep 0.05; done'],
      });
      const events = await LogEvents.of(container);
      const path = container.request.logPath ?? '';
      await until(async () => (await container.log()).length > 0);
      const begun = Date.now();
      await rename(path, `${path}.moved`);
      expect((await events.next()).change).toBe('opened-anew');
      expect(Date.now() - begun).toBeGreaterThan(9_000);
      await until(async () => (await container.log()).length > 0);
      await container.monitor.signal(9);
      await container.exited();
      const text = (await readFile(`${path}.moved`, 'latin1')) + (await readFile(path, 'latin1'));
      expect(firstGap(text, 1)).toBeUndefined();
      events.close();
    },
    30_000 * slow,
  );
});

test(
  'a flood leaves nothing in the monitor’s memory when it is over',
  async () => {
    await using container = await sleeper(workspace);
    const pid = container.process.pid ?? 0;
    // Its share of the exec's own memory is there before.
    await say(container, 'true');
    const before = await privateKiB(pid);
    await say(container, 'yes 0123456789012345678901234567890123456789 | head -c 64m; seq 100000 >&2');
    const path = container.request.logPath ?? '';
    await until(async () => (await stat(path)).size > 64 * 1024 * 1024 + 100_000 * 41);
    await until(async () => (await privateKiB(pid)) <= before + 8);
  },
  30_000 * slow,
);

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function privateKiB(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(rollup)?.[1]);
}
