import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { monitorArguments } from '../../../src/runtime/monitor/start';
import { Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';
import { firstGap, LogEvents, say, sleeper } from '../support/log';
import { buildConmon } from '../support/native';
import { until } from '../support/until';

const run = promisify(execFile);

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

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
      await using container = await sleeper(workspace, { logPath, otherLogs: [whole] });
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

const pending = Symbol('pending');

async function settled(promise: Promise<unknown>): Promise<boolean> {
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}
