import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import type { Kernel, ProcessIdentity } from '../../src/kernel';
import { Ground, runs, until } from './support';

/** A monitor as far as the launcher knows one: says that it is ready, then stays. */
const monitor = (script = 'printf x >&3; exec 3>&-; exec sleep 1000') => ({ path: '/bin/sh', args: ['-c', script] });
const cgroupOf = (pid: number) => readFileSync(`/proc/${pid}/cgroup`, 'utf8');
const statOf = (pid: number) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');

describe('the life of a kernel', () => {
  const ground = new Ground();
  const lockPath = join(ground.dir, 'lock');
  const bundle = join(ground.dir, 'holder.cjs');
  const holders: ChildProcess[] = [];

  beforeAll(() => {
    buildSync({
      entryPoints: [join(__dirname, 'holder.ts')],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      target: 'node20',
      external: ['lmdb'],
    });
  });
  afterAll(async () => {
    for (const holder of holders) holder.kill('SIGKILL');
    await ground.dispose();
  });

  /** A process of its own that holds a kernel; gives what it printed: its monitor and its helper. */
  async function hold(): Promise<{
    process: ChildProcess;
    monitor: ProcessIdentity;
    helper: number;
    launcher: number;
  }> {
    const { launcherPath, runRoot, cgroupBase } = ground.options();
    const child = spawn(process.execPath, [bundle, launcherPath, runRoot, cgroupBase, lockPath], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    holders.push(child);
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const [pid, startTime, helper, launcher] = line.split(' ');
    return {
      process: child,
      monitor: { pid: Number(pid), startTime: BigInt(startTime ?? '') },
      helper: Number(helper),
      launcher: Number(launcher),
    };
  }

  test('a monitor has a session and the cgroups of its own, and outlives close', async () => {
    const kernel = await ground.start();
    const identity = await kernel.startMonitor(monitor());
    expect(await kernel.identify(identity.pid)).toEqual(identity);
    expect(Number(statOf(identity.pid)[3])).toBe(identity.pid);
    const ours = cgroupOf(identity.pid)
      .split('\n')
      .filter((line) => line.endsWith(`${ground.cgroupBase}/monitors`));
    const memory = readFileSync('/proc/self/cgroup', 'utf8').includes(':memory:');
    expect(ours.length).toBe(memory ? 2 : 1);
    await kernel.close();
    expect(runs(identity.pid)).toBe(true);
    const next = await ground.start();
    expect(await next.signal({ ...identity, startTime: identity.startTime + 1n }, 9)).toBe(false);
    expect(await next.signal(identity, 9)).toBe(true);
    await until('the monitor has ended', async () => (await next.identify(identity.pid)) === undefined);
    expect(await next.signal(identity, 9)).toBe(false);
    await next.close();
  });

  test('a monitor that fails before it is ready tells status and stderr', async () => {
    const kernel = await ground.start();
    await expect(kernel.startMonitor(monitor('echo no socket >&2; exit 7'))).rejects.toMatchObject({
      code: 'program-failed',
      message: expect.stringMatching(/status 7: no socket/) as string,
    });
    await expect(kernel.startMonitor(monitor('exec 3>&-; exec sleep 1000'))).rejects.toMatchObject({
      code: 'program-failed',
      message: expect.stringMatching(/signal 9/) as string,
    });
    await expect(kernel.startMonitor({ path: '/no/monitor', args: [] })).rejects.toMatchObject({
      code: 'program-missing',
    });
    const late = kernel.startMonitor(monitor('exec sleep 1000'), AbortSignal.timeout(100));
    await expect(late).rejects.toMatchObject({ code: 'deadline-exceeded' });
    await kernel.close();
  });

  test('kill -9 of the holder ends helpers and launcher, frees the lock, and leaves the monitor', async () => {
    const held = await hold();
    const waiting = ground.start({ lock: { path: lockPath, timeoutMs: 20_000 } });
    await until('the helper runs', () => runs(held.helper));
    held.process.kill('SIGKILL');
    const kernel = await waiting;
    expect(runs(held.helper)).toBe(false);
    expect(await kernel.identify(held.monitor.pid)).toEqual(held.monitor);
    expect(readFileSync(lockPath, 'utf8').trim()).toBe(String(process.pid));
    expect(await kernel.signal(held.monitor, 9)).toBe(true);
    await until('the launcher has ended', async () => (await kernel.identify(held.launcher)) === undefined);
    await kernel.close();
  });

  test('a lock that is held names its holder, and nothing of the loser stays', async () => {
    const held = await hold();
    const started = Date.now();
    await expect(ground.start({ lock: { path: lockPath, timeoutMs: 300 } })).rejects.toMatchObject({
      code: 'state-locked',
      message: expect.stringContaining(`process ${held.process.pid} holds it`) as string,
    });
    expect(Date.now() - started).toBeGreaterThanOrEqual(290);
    expect(runs(held.helper)).toBe(true);
    held.process.kill('SIGTERM');
    await once(held.process, 'exit');
    const kernel = await ground.start({ lock: { path: lockPath, timeoutMs: 5000 } });
    expect(await kernel.signal(held.monitor, 9)).toBe(true);
    await kernel.close();
  });

  test('a launcher that dies fails what is in flight, leaves no helper, and is started again', async () => {
    const kernel = await ground.start({ lock: { path: lockPath, timeoutMs: 5000 } });
    const identity = await kernel.startMonitor(monitor());
    const pidFile = join(ground.dir, 'grandchild');
    const running = kernel.run({ path: '/bin/sh', args: ['-c', `sleep 1000 & echo $! > ${pidFile}; wait`] });
    running.catch(() => undefined);
    await until('the grandchild runs', () => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n'));
    expect(kernel.health()).toMatchObject({ alive: true, inFlight: 1, starts: 1 });
    const launcher = Number(statOf(identity.pid)[1]);
    process.kill(launcher, 'SIGKILL');
    await expect(running).rejects.toMatchObject({ code: 'launcher-lost' });
    expect((await kernel.run({ path: 'echo', args: ['again'] })).stdout.toString()).toBe('again\n');
    expect(kernel.health()).toEqual({ alive: true, inFlight: 0, starts: 2 });
    expect(await kernel.identify(Number(readFileSync(pidFile, 'utf8')))).toBeUndefined();
    expect(await kernel.identify(identity.pid)).toEqual(identity);
    await expect(ground.start({ lock: { path: lockPath, timeoutMs: 100 } })).rejects.toMatchObject({
      code: 'state-locked',
    });
    expect(await kernel.signal(identity, 9)).toBe(true);
    await kernel.close();
    expect(kernel.health()).toMatchObject({ alive: false, inFlight: 0 });
    await expect(kernel.run({ path: 'true', args: [] })).rejects.toMatchObject({ code: 'launcher-lost' });
  });

  test('a broken launcher is told', async () => {
    const broken = join(ground.dir, 'broken');
    writeFileSync(broken, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    await expect(ground.start({ launcherPath: broken })).rejects.toMatchObject({ code: 'launcher-lost' });
    await expect(ground.start({ launcherPath: '/no/launcher' })).rejects.toMatchObject({ code: 'program-missing' });
  });

  describe('cgroups', () => {
    let kernel: Kernel;
    beforeAll(async () => {
      kernel = await ground.start();
    });
    afterAll(() => kernel.close());
    const path = `${ground.cgroupBase}/pods/one`;

    test('are made once, in every hierarchy, and removed with what is in them', async () => {
      await kernel.createCgroup(path);
      await kernel.createCgroup(path);
      const dirs = readFileSync('/proc/self/mounts', 'utf8')
        .split('\n')
        .map((line) => line.split(' '))
        .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
        .map(([, dir]) => `${dir}${path}`);
      expect(dirs.filter((dir) => !existsSync(dir))).toEqual([]);
      await kernel.createCgroup(`${path}/below`);
      const sleeper = spawn('sleep', ['1000'], { stdio: 'ignore' });
      const ended = once(sleeper, 'exit');
      for (const dir of dirs) writeFileSync(join(dir, 'below/cgroup.procs'), String(sleeper.pid));
      await kernel.removeEmptyCgroup(path);
      expect(dirs.filter((dir) => !existsSync(dir))).toEqual([]);
      await kernel.removeCgroup(path);
      expect(await ended).toEqual([null, 'SIGKILL']);
      expect(dirs.filter((dir) => existsSync(dir))).toEqual([]);
      await kernel.removeCgroup(path);
    });

    test('an empty one is removed without killing', async () => {
      await kernel.createCgroup(path);
      await kernel.removeEmptyCgroup(path);
      await kernel.removeEmptyCgroup(path);
      expect(await kernel.missingCgroup(path)).toBe(path);
    });

    test('those above it that are missing are found, and go with it up to the first that is in use', async () => {
      const top = `${path}/a`;
      await kernel.createCgroup(path);
      expect(await kernel.missingCgroup(`${top}/b/c`)).toBe(top);
      await kernel.createCgroup(`${top}/b/c`);
      expect(await kernel.missingCgroup(`${top}/b/c`)).toBeUndefined();
      await kernel.createCgroup(`${top}/b/other`);
      await kernel.removeEmptyCgroup(`${top}/b/c`, top);
      expect(await kernel.missingCgroup(`${top}/b/c`)).toBe(`${top}/b/c`);
      await kernel.removeEmptyCgroup(`${top}/b/other`, top);
      expect(await kernel.missingCgroup(`${top}/b/c`)).toBe(top);
      expect(await kernel.missingCgroup(path)).toBeUndefined();
      await kernel.removeCgroup(path);
    });

    test.each(['', '/', 'relative', '/a/../..'])('%p is no path of one', async (wrong) => {
      await expect(kernel.removeCgroup(wrong)).rejects.toMatchObject({ code: 'argument-invalid' });
    });
  });
});
