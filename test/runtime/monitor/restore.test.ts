import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readExitRecord } from '../../../src/runtime';
import { Workspace } from '../support/bundle';
import { TestContainer, type ContainerOptions } from '../support/container';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

/** The fake runtime runs the bundle's program where a real one has CRIU bring its processes back. */
const launch = (options: ContainerOptions) =>
  TestContainer.launch(workspace, { runtime: 'fake', restore: 'images', ...options });
const sh = (script: string) => ['/bin/busybox', 'sh', '-c', script];

describe('a container that is to be restored', () => {
  test('is created without init and without the runtime; its start restores it, with log, exec and exit', async () => {
    await using container = await launch({
      args: sh('echo on; echo too >&2; trap "exit 7" TERM; while :; do sleep 0.02; done'),
    });
    await container.monitor.prepared();
    expect(container.monitor.state).toEqual({ kind: 'created', init: undefined });
    expect(existsSync(container.request.pidFile)).toBe(false);
    expect(existsSync(join(container.request.runtimeRoot, container.request.id))).toBe(false);
    await container.monitor.start();
    const { state } = container.monitor;
    expect(state.kind === 'running' && state.init.pid).toBeGreaterThan(1);
    expect((await container.exec(sh('echo hi'))).stdout).toBe('hi\n');
    expect(await container.monitor.signal(15)).toBe(true);
    const record = await container.exited();
    expect(record.status).toEqual({ kind: 'exited', code: 7 });
    expect(record.startedAt).toBeGreaterThan(0n);
    expect(await container.log()).toEqual(expect.arrayContaining(['stdout F on', 'stderr F too']));
  });

  test('has ended before the runtime returned: all it wrote on stderr meanwhile is in the log', async () => {
    await using container = await launch({ args: sh('echo out; echo err >&2; exit 3') });
    await container.monitor.prepared();
    await container.monitor.start();
    expect((await container.exited()).status).toEqual({ kind: 'exited', code: 3 });
    expect([...(await container.log())].sort()).toEqual(['stderr F err', 'stdout F out']);
  });

  test('with stdin: what was sent before the start comes', async () => {
    await using container = await launch({ args: sh('read line; echo got $line'), stdin: true, stdinOnce: true });
    await container.monitor.prepared();
    const { session } = await container.attach();
    await session.writeStdin(Buffer.from('early\n'));
    await container.monitor.start();
    expect((await container.exited()).status).toEqual({ kind: 'exited', code: 0 });
    expect(await container.log()).toEqual(['stdout F got early']);
  });

  test('with a terminal', async () => {
    await using container = await launch({ args: sh('test -t 0 && test -t 1 && echo tty; exit 4'), tty: true });
    await container.monitor.prepared();
    await container.monitor.start();
    expect((await container.exited()).status).toEqual({ kind: 'exited', code: 4 });
    expect((await container.log()).join()).toContain('tty');
  });

  test.each([false, true])('a restore that fails is told and ends it, tty %s', async (tty) => {
    await using container = await launch({ args: sh('exit 0'), tty, misbehave: { restore: 'stderr=20 exit=1' } });
    await container.monitor.prepared();
    await expect(container.monitor.start()).rejects.toMatchObject({
      code: 'runtime-failed',
      message: expect.stringContaining('x'.repeat(20)) as string,
    });
    const record = await container.exited();
    expect(record).toMatchObject({ status: { kind: 'not-started' }, startedAt: 0n, oom: 'no' });
    expect(await readExitRecord(container.request.exitFile)).toEqual(record);
    expect(existsSync(`${container.request.socketPath}.tty`)).toBe(false);
    await container.monitor.release();
    await container.left();
  });

  test('images that are gone, and a pid file that is none, are failures too', async () => {
    await using gone = await launch({ args: sh('exit 0') });
    await gone.monitor.prepared();
    await rm(join(gone.request.bundle, 'images'), { recursive: true });
    await expect(gone.monitor.start()).rejects.toMatchObject({ code: 'runtime-failed' });
    expect((await gone.exited()).status.kind).toBe('not-started');

    await using lost = await launch({ args: sh('sleep 1000'), misbehave: { restore: 'pidfile=x' } });
    await lost.monitor.prepared();
    await expect(lost.monitor.start()).rejects.toMatchObject({ code: 'runtime-failed' });
    expect((await lost.exited()).status.kind).toBe('not-started');
  });

  test('a signal before the start ends it: there is nobody else', async () => {
    await using container = await launch({ args: sh('sleep 1000') });
    await container.monitor.prepared();
    expect(await container.monitor.signal(9)).toBe(true);
    const record = await container.exited();
    expect(record).toMatchObject({ status: { kind: 'signaled', signal: 9 }, startedAt: 0n });
    await expect(container.monitor.start()).rejects.toMatchObject({ code: 'container-state' });
  });

  test('SIGKILL during the restore ends the runtime', async () => {
    await using container = await launch({ args: sh('sleep 1000'), misbehave: { restore: 'sleep=600000' } });
    await container.monitor.prepared();
    const start = container.monitor.start();
    const refused = expect(start).rejects.toMatchObject({ code: 'runtime-failed' });
    expect(await container.monitor.signal(9)).toBe(true);
    await refused;
    expect((await container.exited()).status).toEqual({ kind: 'signaled', signal: 9 });
  });
});
