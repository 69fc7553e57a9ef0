import { readdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

describe('a container whose runtime does as it should', () => {
  test('lives and ends as with runc', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', 'echo out; echo err >&2; read go; exit 5'],
      stdin: true,
      runtime: 'fake',
    });
    const end = await container.exec(['sh', '-c', 'cat; exit 3'], { input: 'through the exec' });
    expect(end).toMatchObject({ stdout: 'through the exec', status: { kind: 'exited', code: 3 } });
    expect(await container.monitor.signal(15)).toBe(true);
    expect((await container.exited()).status).toEqual({ kind: 'signaled', signal: 15 });
    expect([...(await container.log())].sort()).toEqual(['stderr F err', 'stdout F out']);
  });

  test('has a terminal, and so have its execs', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', 'test -t 0 && test -t 2 && echo terminal; sleep 1000'],
      tty: true,
      runtime: 'fake',
    });
    expect(await container.exec(['sh', '-c', 'test -t 1 && echo yes'], { tty: true })).toMatchObject({
      stdout: 'yes\r\n',
      status: { kind: 'exited', code: 0 },
    });
    expect(await container.monitor.signal(9)).toBe(true);
    await container.exited();
    expect(await container.log()).toEqual(['stdout F terminal\r']);
  });
});

describe('a runtime that fails to create', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['with more on stderr than a pipe holds', 'stderr=200000 exit=1', 'x'.repeat(8192)],
    ['while a child of it holds stderr', 'stderr=5 hold=2000 exit=1', 'xxxxx'],
    ['saying nothing', 'exit=3', 'create: the runtime said nothing, exit status 3'],
    ['by a signal', 'signal=11', 'create: the runtime was killed by signal 11'],
    ['after init was made, without a pid file', 'leave=4', 'create: the runtime said nothing, exit status 4'],
  ];
  test.each(cases)('%s', async (_, create, detail) => {
    await using container = await TestContainer.launch(workspace, {
      args: ['sleep', '1000'],
      runtime: 'fake',
      misbehave: { create },
    });
    await expect(container.monitor.created()).rejects.toMatchObject({ code: 'runtime-failed', detail });
    expect(existsSync(container.request.exitFile)).toBe(false);
  });

  test.each([
    ['no-pidfile', /read the pid file .*: No such file or directory/],
    ['pidfile=', /holds no pid/],
    ['pidfile=12x', /holds no pid/],
    ['pidfile=1', /holds no pid/],
    ['pidfile=-5', /holds no pid/],
    ['pidfile=99999999999999999999', /holds no pid/],
    ['pidfile=4194304', /pidfd_open of init 4194304: (No such process|Invalid argument)/],
  ])('and claims success with %s', async (create, detail) => {
    await using container = await TestContainer.launch(workspace, {
      args: ['sleep', '1000'],
      runtime: 'fake',
      misbehave: { create },
    });
    await expect(container.monitor.created()).rejects.toMatchObject({
      detail: expect.stringMatching(detail) as string,
    });
  });

  test('and hangs, until it is told to stop', async () => {
    await using container = await TestContainer.launch(workspace, {
      args: ['sleep', '1000'],
      runtime: 'fake',
      misbehave: { create: 'sleep=600000' },
    });
    expect(await container.monitor.signal(9)).toBe(true);
    await expect(container.monitor.created()).rejects.toMatchObject({
      detail: 'create: the runtime was killed by signal 9',
    });
  });
});

describe('a runtime that fails later', () => {
  test('cannot start the container: it stays created, and ends when it is killed', async () => {
    await using container = await TestContainer.launch(workspace, {
      args: ['sleep', '1000'],
      runtime: 'fake',
      misbehave: { start: 'stderr=3 exit=1' },
    });
    await container.monitor.created();
    await expect(container.monitor.start()).rejects.toMatchObject({ code: 'runtime-failed', detail: 'xxx' });
    expect(container.monitor.state.kind).toBe('created');
    expect(await container.monitor.signal(9)).toBe(true);
    const record = await container.exited();
    expect(record).toMatchObject({ status: { kind: 'signaled', signal: 9 }, startedAt: 0n });
  });

  test.each([
    ['stderr=20000 exit=1', 'x'.repeat(8192)],
    ['exit=9', 'exec: the runtime said nothing, exit status 9'],
    ['no-pidfile', /No such file or directory/],
    ['pidfile=nobody', /holds no pid/],
    ['hold=2000 stderr=2 exit=1', 'xx'],
  ])('cannot exec: %s', async (exec, detail) => {
    await using container = await TestContainer.start(workspace, {
      args: ['sleep', '1000'],
      runtime: 'fake',
      misbehave: { exec },
    });
    await expect(container.exec(['sleep', '1000'])).rejects.toMatchObject({
      detail: typeof detail === 'string' ? detail : (expect.stringMatching(detail) as string),
    });
    expect(container.monitor.state.kind).toBe('running');
    const names = await readdir(dirname(container.request.pidFile));
    expect(names.filter((name) => name.startsWith('pid.x'))).toEqual([]);
  });

  test('hangs in an exec beyond its deadline', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sleep', '1000'],
      runtime: 'fake',
      misbehave: { exec: 'sleep=600000' },
    });
    const end = await container.exec(['true'], { timeoutMs: 200 });
    expect(end).toMatchObject({ timedOut: true, status: { kind: 'unknown' } });
    const pid = container.process.pid ?? 0;
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
    expect(children.length).toBe(1);
  });

  test('is killed in an exec while it renames the pid file: nothing of it is left', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sleep', '1000'],
      runtime: 'fake',
      misbehave: { exec: 'sleep=600000' },
    });
    const dir = dirname(container.request.pidFile);
    const before = await readdir(dir);
    const ended = container.exec(['true'], { timeoutMs: 2000 });
    let process: string | undefined;
    while (process === undefined) process = (await readdir(dir)).find((name) => /\.x\d+\.json$/.test(name));
    // As runc does, which the fake does not.
    await writeFile(join(dir, `.${process.replace('.json', '')}`), '');
    expect(await ended).toMatchObject({ timedOut: true });
    expect(await readdir(dir)).toEqual(before);
  });
});

describe('a start that does not return', () => {
  const hangs = { start: 'sleep=600000' } as const;

  test('is ended when init is gone and that is asked for, and the end is told', async () => {
    await using container = await TestContainer.launch(workspace, {
      args: ['sleep', '1000'],
      runtime: 'fake',
      misbehave: hangs,
    });
    await container.monitor.created();
    const started = container.monitor.start();
    started.catch(() => undefined);
    expect(await container.monitor.signal(9)).toBe(true);
    // The first kill is init's; the second one finds none and ends the call.
    while (container.monitor.state.kind === 'created') await container.monitor.signal(9);
    await expect(started).rejects.toMatchObject({ code: 'runtime-failed' });
    expect(await container.exited()).toMatchObject({ status: { kind: 'signaled', signal: 9 }, startedAt: 0n });
  });
});
