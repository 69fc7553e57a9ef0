import { existsSync } from 'node:fs';
import { mkdtemp, rename, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectMonitor, readExitRecord } from '../../../src/runtime';
import { Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';
import { until } from '../support/until';
import { slow } from '../../slow.cjs';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

describe('a container under its monitor', () => {
  test('runs, logs each line with its stream, and tells its exit code when the log is complete', async () => {
    await using container = await TestContainer.launch(workspace, {
      args: ['sh', '-c', 'echo one; echo two >&2; printf "three\\nrest"; exit 7'],
    });
    const init = await container.monitor.created();
    expect(init.pid).toBeGreaterThan(1);
    expect(container.monitor.state.kind).toBe('created');
    const before = BigInt(Date.now()) * 1_000_000n;
    await container.monitor.start();
    const record = await container.exited();
    const log = await container.log();
    expect(record.status).toEqual({ kind: 'exited', code: 7 });
    expect(record.oom).toBe('no');
    expect(record.startedAt).toBeGreaterThanOrEqual(before - 1_000_000n);
    expect(record.finishedAt).toBeGreaterThanOrEqual(record.startedAt);
    expect(log.filter((line) => line.startsWith('stdout'))).toEqual([
      'stdout F one',
      'stdout F three',
      'stdout P rest',
    ]);
    expect(log.filter((line) => line.startsWith('stderr'))).toEqual(['stderr F two']);
    expect(record.bytesLogged).toBe(BigInt((await stat(container.request.logPath ?? '')).size));
    expect(await readExitRecord(container.request.exitFile)).toEqual(record);
    await container.monitor.release();
    await container.left();
    expect(existsSync(container.request.socketPath)).toBe(false);
  });

  test('stamps each record with nine digits of UTC', async () => {
    await using container = await TestContainer.start(workspace, { args: ['echo', 'hi'] });
    await container.exited();
    const text = await readFile(container.request.logPath ?? '', 'utf8');
    const [, time] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{9}Z stdout F hi\n$/.exec(text) ?? [];
    expect(Math.abs(Date.parse(`${time}Z`) - Date.now())).toBeLessThan(10_000);
  });

  test('is right about containers that exit at once', async () => {
    for (let code = 0; code < 8; code++) {
      await using container = await TestContainer.start(workspace, {
        args: ['sh', '-c', `echo ${code}; exit ${code}`],
      });
      const record = await container.exited();
      expect(record.status).toEqual({ kind: 'exited', code });
      expect(await container.log()).toEqual([`stdout F ${code}`]);
    }
  });

  test('tells the signal that ended it', async () => {
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'] });
    expect(container.monitor.state.kind).toBe('running');
    expect(await container.monitor.signal(9)).toBe(true);
    expect((await container.exited()).status).toEqual({ kind: 'signaled', signal: 9 });
    expect(await container.monitor.signal(9)).toBe(false);
  });

  test('keeps lines whole that come in two writes, and cuts only what is longer than 16 KiB', async () => {
    const script = 'printf one; sleep 0.2; echo two; head -c 20000 /dev/zero | cat -v | head -c 20000; echo';
    await using container = await TestContainer.start(workspace, { args: ['sh', '-c', script] });
    await container.exited();
    const [first, second, third] = await container.log();
    expect(first).toBe('stdout F onetwo');
    expect(second?.slice(0, 9)).toBe('stdout P ');
    expect(third?.slice(0, 9)).toBe('stdout F ');
    expect((second?.length ?? 0) + (third?.length ?? 0)).toBe(20_000 + 18);
  });

  test('loses nothing of a flood that ends with the container', async () => {
    await using container = await TestContainer.start(workspace, { args: ['seq', '300000'] });
    const record = await container.exited();
    const log = await container.log();
    expect(log.length).toBe(300_000);
    expect(log.every((line, i) => line === `stdout F ${i + 1}`)).toBe(true);
    expect(record.bytesDropped).toBe(0n);
  });

  test('has no descriptor of the monitor’s in the container', async () => {
    await using container = await TestContainer.start(workspace, { args: ['sh', '-c', 'echo /proc/self/fd/*'] });
    await container.exited();
    // 3 is the shell's own, for the folder that it lists.
    expect(await container.log()).toEqual(['stdout F /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3']);
  });

  test('with a terminal logs what it shows', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', 'test -t 0 && test -t 1 && echo terminal; exit 4'],
      tty: true,
    });
    expect((await container.exited()).status).toEqual({ kind: 'exited', code: 4 });
    expect(await container.log()).toEqual(['stdout F terminal\r']);
  });

  test('gives its output to the container’s user, who may open it anew', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', 'id -u; echo again > /dev/stdout; echo error > /dev/stderr'],
      uid: 12345,
    });
    await container.exited();
    expect([...(await container.log())].sort()).toEqual(['stderr F error', 'stdout F 12345', 'stdout F again']);
  });

  test('says the runtime’s own words when it cannot be created, and leaves', async () => {
    await using container = await TestContainer.launch(workspace, { args: ['/no/such/program'] });
    await expect(container.monitor.created()).rejects.toMatchObject({
      code: 'container-command',
      detail: expect.stringMatching(/\/no\/such\/program.*no such file or directory/) as string,
    });
    await container.left();
    expect(existsSync(container.request.exitFile)).toBe(false);
    expect(existsSync(container.request.socketPath)).toBe(false);
  });

  test('passes on what a hook says', async () => {
    const hook = { path: '/bin/sh', args: ['sh', '-c', 'echo the hook is unhappy >&2; exit 1'] };
    await using container = await TestContainer.launch(workspace, { args: ['true'], hooks: { createRuntime: [hook] } });
    await expect(container.monitor.created()).rejects.toMatchObject({
      detail: expect.stringContaining('the hook is unhappy') as string,
    });
  });

  test('waits for no process that a failed runtime has left with its stderr, and keeps 8 KiB of it', async () => {
    const runtime = join(workspace.path, 'bad-runtime');
    const script = '#!/bin/sh\nsleep 3 &\nhead -c 200000 /dev/zero | tr "\\0" x >&2\nexit 1\n';
    await writeFile(runtime, script, { mode: 0o755 });
    const begun = Date.now();
    await using container = await TestContainer.launch(workspace, { args: ['true'], runtimePath: runtime });
    await expect(container.monitor.created()).rejects.toMatchObject({ detail: 'x'.repeat(8192) });
    expect(Date.now() - begun).toBeLessThan(2500 * slow);
  });

  test('says which program is missing', async () => {
    await using container = await TestContainer.launch(workspace, { args: ['sh'], runtimePath: '/no/such/runc' });
    await expect(container.monitor.created()).rejects.toMatchObject({
      detail: 'cannot execute /no/such/runc: No such file or directory',
    });
  });

  test('says that the log cannot be opened', async () => {
    await using container = await TestContainer.launch(workspace, { args: ['sh'], logPath: '/no/such/folder/log' });
    await expect(container.monitor.created()).rejects.toMatchObject({
      detail: 'open the log folder /no/such/folder: No such file or directory',
    });
  });

  test('refuses a second start and an early release, and goes on', async () => {
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'] });
    await expect(container.monitor.start()).rejects.toMatchObject({ code: 'container-state' });
    await expect(container.monitor.release()).rejects.toMatchObject({ code: 'container-state' });
    expect(container.monitor.state.kind).toBe('running');
  });

  test('counts an OOM kill', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'],
      memoryBytes: 32 * 1024 * 1024,
    });
    const record = await container.exited();
    expect(record.status).toEqual({ kind: 'signaled', signal: 9 });
    expect(record.oom).toBe('counted');
  });
});

describe('reopening the log', () => {
  test('loses nothing, and truncates neither file', async () => {
    const script = 'echo before; cat /tmp/x 2>/dev/null; while ! test -e /proc/1/never; do echo tick; sleep 0.05; done';
    await using container = await TestContainer.start(workspace, { args: ['sh', '-c', script] });
    const path = container.request.logPath ?? '';
    await until(async () => (await container.log()).length > 3);
    await rename(path, `${path}.1`);
    await writeFile(path, 'already here\n');
    const { inode, size } = await container.monitor.reopenLog();
    const about = await stat(path, { bigint: true });
    expect(inode).toBe(about.ino);
    expect(size).toBe(13n);
    const old = await readFile(`${path}.1`, 'utf8');
    await until(async () => (await readFile(path, 'utf8')).split('\n').length > 4);
    expect(await readFile(`${path}.1`, 'utf8')).toBe(old);
    expect((await readFile(path, 'utf8')).startsWith('already here\n')).toBe(true);
    expect(old).toContain('stdout F before\n');
  });

  test('that fails leaves the old file in use', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-monitor-log-'));
    const path = join(folder, 'log');
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', 'while echo tick; do sleep 0.05; done'],
      logPath: path,
    });
    await rename(folder, `${folder}.moved`);
    await expect(container.monitor.reopenLog()).rejects.toMatchObject({
      detail: expect.stringContaining(folder) as string,
    });
    const { size } = await stat(join(`${folder}.moved`, 'log'));
    await until(async () => (await stat(join(`${folder}.moved`, 'log'))).size > size);
    await rm(`${folder}.moved`, { recursive: true });
  });
});

describe('without its client', () => {
  test('the container runs on; the next client finds it running, its log whole', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', 'for i in $(seq 1 20); do echo $i; sleep 0.02; done; exec sleep 1000'],
    });
    container.monitor.close();
    expect(await container.monitor.closed).toBeUndefined();
    await until(async () => (await container.log()).length === 20);
    const monitor = await container.reconnect();
    expect(monitor.state.kind).toBe('running');
    expect(await container.log()).toEqual(Array.from({ length: 20 }, (_, i) => `stdout F ${i + 1}`));
    expect(await container.exec(['echo', 'still here'])).toMatchObject({ stdout: 'still here\n' });
  });

  test('an exit is kept in the record, and the monitor leaves', async () => {
    await using container = await TestContainer.start(workspace, { args: ['sh', '-c', 'sleep 0.3; exit 3'] });
    container.monitor.close();
    await container.left();
    expect((await readExitRecord(container.request.exitFile))?.status).toEqual({ kind: 'exited', code: 3 });
    await expect(connectMonitor(container.request.socketPath)).rejects.toMatchObject({ code: 'monitor-lost' });
  });

  test('a monitor that dies is told as lost', async () => {
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'] });
    process.kill(container.process.pid ?? 0, 'SIGKILL');
    expect(await container.monitor.closed).toMatchObject({ code: 'monitor-lost' });
    expect(await readExitRecord(container.request.exitFile)).toBeUndefined();
  });
});
