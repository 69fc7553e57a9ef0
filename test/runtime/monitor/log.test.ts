import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isBerthError } from '../../../src/base';
import type { LogEvent } from '../../../src/runtime/monitor/events';
import { expectWelcome, MonitorConnection } from '../../../src/runtime/monitor/connection';
import { decodeLog, encodeSubscribe, frameType, role } from '../../../src/runtime/monitor/protocol';
import { monitorArguments } from '../../../src/runtime/monitor/start';
import { Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';
import { buildConmon } from '../support/native';

const run = promisify(execFile);

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

describe('what is written', () => {
  test('a prompt can be read after a second; what follows continues it', async () => {
    await using container = await sleeper();
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
    await using container = await sleeper();
    const events = await LogEvents.of(container);
    const path = container.request.logPath ?? '';
    await say(container, 'echo one');
    await until(async () => (await container.log()).length === 1);
    await rm(path);
    await say(container, 'echo two');
    const begun = Date.now();
    const { change, inode } = await events.next();
    expect(Date.now() - begun).toBeLessThan(2500);
    expect([change, inode]).toEqual(['opened-anew', (await stat(path, { bigint: true })).ino]);
    await say(container, 'echo three');
    await until(async () => (await container.log()).at(-1) === 'stdout F three');
    events.close();
  });

  test('because it was moved away waits ten seconds for a reopen, and loses nothing', async () => {
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
  }, 30_000);
});

describe('several log files', () => {
  test('have the same records, and all are opened anew', async () => {
    const other = join(workspace.path, 'other-log');
    await using container = await TestContainer.launch(workspace, { args: ['seq', '1000'], otherLogs: [other] });
    await container.monitor.created();
    const path = container.request.logPath ?? '';
    await Promise.all([rm(path), rm(other)]);
    await container.monitor.reopenLog();
    await container.monitor.start();
    const record = await container.exited();
    const [one, two] = await Promise.all([path, other].map((file) => readFile(file, 'latin1')));
    expect(one).toBe(two);
    expect(firstGap(one ?? '', 1)).toBeUndefined();
    expect(record.bytesLogged).toBe(BigInt(one?.length ?? 0));
  });

  test('fail on their own: a full disk costs one its records, and no other', async () => {
    const small = join(workspace.path, 'small');
    await mkdir(small);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small]);
    try {
      const whole = join(workspace.path, 'whole-log');
      const logPath = join(small, 'log');
      await using container = await sleeper({ logPath, otherLogs: [whole] });
      const events = await LogEvents.of(container);
      await say(container, 'seq 20000');
      const lost = await events.next();
      expect([lost.change, lost.dropped > 0n]).toEqual(['loses', true]);
      await until(async () => (await readFile(whole, 'latin1')).endsWith(' 20000\n'));
      expect((await readFile(logPath, 'latin1')).endsWith('\n')).toBe(true);

      await run('mount', ['-o', 'remount,size=8m', small]);
      const writing = events.next();
      for (let number = 20_001; !(await settled(writing)); number++) {
        await say(container, `echo ${number}`);
      }
      expect((await writing).change).toBe('writes');
      await container.monitor.signal(9);
      const record = await container.exited();
      expect(firstGap(await readFile(whole, 'latin1'), 1)).toBeUndefined();
      const text = await readFile(logPath, 'latin1');
      const [, records, bytes] =
        /\[conmon\] (\d+) log records \((\d+) bytes\) were lost here: No space/.exec(text) ?? [];
      expect(record.bytesDropped).toBe(BigInt(bytes ?? 0));
      // The notice stands where the lines are missing: in their place the numbers go on.
      const kept = text.split('\n').slice(0, -1);
      const place = kept.findIndex((line) => line.includes('[conmon]'));
      const numbers = kept.map((line) => Number(line.slice(40)));
      expect((numbers[place + 1] ?? 0) - (numbers[place - 1] ?? 0) - 1).toBe(Number(records));
      events.close();
    } finally {
      await run('umount', [small]);
    }
  });

  test.each([
    [['--log-path', '/a', '--log-path', '/a'], /--log-path is given twice: \/a/],
    [['a', 'b', 'c', 'd', 'e'].flatMap((name) => ['--log-path', `/${name}`]), /--log-path is given more than 4 times/],
    [['--log-path', 'relative'], /--log-path is not absolute: relative/],
    [['--log-journal', 'lower=x'], /--log-journal is not NAME=VALUE/],
    [['--log-size-max', '-1'], /--log-size-max is not a number of bytes: -1/],
  ])('are refused if they are %j', async (args, message) => {
    const needed = ['bundle', 'runtime', 'runtime-root', 'socket', 'exit-file', 'pid-file'];
    const valid = ['--id', 'x', ...needed.flatMap((name) => [`--${name}`, '/x'])];
    await expect(run(buildConmon(), [...valid, ...args])).rejects.toMatchObject({
      code: 100,
      stderr: expect.stringMatching(message) as string,
    });
    expect(existsSync('/x')).toBe(false);
  });
});

const onJournald = existsSync('/run/systemd/journal/socket') ? test : test.skip;

onJournald('a journald has each record with its priority and the container’s fields', async () => {
  const name = `berth-test-${randomUUID()}`;
  await using container = await TestContainer.start(workspace, {
    args: ['sh', '-c', 'echo out; echo error >&2; printf "no end"'],
    journalFields: { CONTAINER_NAME: name, NOTE: 'two\nlines' },
  });
  await container.exited();
  expect((await container.log()).length).toBe(3);
  let entries: readonly Record<string, string>[] = [];
  await until(async () => {
    const { stdout } = await run('journalctl', ['--output=json', '--quiet', `CONTAINER_NAME=${name}`]);
    entries = stdout.split('\n').flatMap((line) => (line ? [JSON.parse(line) as Record<string, string>] : []));
    return entries.length === 3;
  });
  const told = entries.map((entry) => [entry['MESSAGE'], entry['PRIORITY'], entry['CONTAINER_PARTIAL_MESSAGE']]);
  expect(told.sort()).toEqual([
    ['error', '3', undefined],
    ['no end', '6', 'true'],
    ['out', '6', undefined],
  ]);
  expect(entries.map((entry) => entry['NOTE'])).toEqual(Array(3).fill('two\nlines'));
});

test('what journald is to keep is on the command line', () => {
  const paths = {
    bundle: '/b',
    runtimePath: '/r',
    runtimeRoot: '/rr',
    socketPath: '/s',
    exitFile: '/e',
    pidFile: '/p',
  };
  const request = { conmonPath: '/c', id: 'x', ...paths, logSizeMax: 0, journalFields: { A: '1', B: 'two\nlines' } };
  const args = monitorArguments(request).join(' ');
  expect(args).toContain('--log-journal A=1 --log-journal B=two\nlines');
  expect(args).not.toContain('--log-size-max');
});

test('a flood leaves nothing in the monitor’s memory when it is over', async () => {
  await using container = await sleeper();
  const pid = container.process.pid ?? 0;
  // Its share of the exec's own memory is there before.
  await say(container, 'true');
  const before = await privateKiB(pid);
  await say(container, 'yes 0123456789012345678901234567890123456789 | head -c 64m; seq 100000 >&2');
  const path = container.request.logPath ?? '';
  await until(async () => (await stat(path)).size > 64 * 1024 * 1024 + 100_000 * 41);
  await until(async () => (await privateKiB(pid)) <= before + 8);
}, 30_000);

/** A container that only waits: what it shall say is written to init's own streams. */
async function sleeper(options: { logPath?: string; otherLogs?: readonly string[] } = {}): Promise<TestContainer> {
  return TestContainer.start(workspace, { args: ['sleep', '1000'], ...options });
}

async function say(container: TestContainer, script: string): Promise<void> {
  const { status } = await container.exec(['sh', '-c', `{ ${script}; } >/proc/1/fd/1 2>/proc/1/fd/2`]);
  expect(status).toEqual({ kind: 'exited', code: 0 });
}

/** What a monitor tells of its first log. */
class LogEvents {
  private constructor(
    private readonly connection: MonitorConnection,
    private readonly frames: ReturnType<MonitorConnection['frames']>,
  ) {}

  static async of(container: TestContainer): Promise<LogEvents> {
    const connection = MonitorConnection.open(container.request.socketPath, role.events);
    const frames = connection.frames();
    await expectWelcome(connection, frames);
    await connection.send(frameType.subscribe, 2, encodeSubscribe(['log']));
    expect((await frames.next()).value).toMatchObject({ type: frameType.ok, tag: 2 });
    return new LogEvents(connection, frames);
  }

  async next(): Promise<LogEvent> {
    const frame = await this.frames.next();
    if (frame.done) throw new Error('the monitor has closed the connection');
    return decodeLog(frame.value.payload);
  }

  close(): void {
    this.connection.destroy();
  }
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** The first line that is not the number after the one before it; undefined if none is. */
function firstGap(log: string, first: number): string | undefined {
  let expected = first;
  for (let at = 0; at < log.length; expected++) {
    const end = log.indexOf('\n', at);
    const line = log.slice(at, end);
    if (end < 0 || line.slice(31) !== `stdout F ${expected}`) return line;
    at = end + 1;
  }
  return undefined;
}

async function privateKiB(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(rollup)?.[1]);
}

const pending = Symbol('pending');

async function settled(promise: Promise<unknown>): Promise<boolean> {
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

/** Waits for something that nobody tells: another process's file. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await condition());) {
    if (Date.now() > end) throw new Error('it did not happen within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
