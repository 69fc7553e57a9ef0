import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FakeKernel, type Kernel, type RunRequest, type RunResult } from '../../../src/kernel';
import { createOciRuntime, startContainerMonitor, type OciRuntime } from '../../../src/runtime';
import { Ground } from '../../kernel/support';
import { Workspace, writeBundle } from '../support/bundle';
import { buildConmon } from '../support/native';

const path = '/usr/sbin/runc';
let workspace: Workspace;
let ground: Ground;
let kernel: Kernel;
let runtime: OciRuntime;
beforeAll(async () => {
  workspace = await Workspace.make();
  ground = new Ground();
  kernel = await ground.start();
  runtime = createOciRuntime({ kernel, path, root: join(workspace.path, 'runc') });
});
afterAll(async () => {
  await ground.dispose();
  await workspace[Symbol.asyncDispose]();
});

/** A monitor and container started the way the daemon does it. */
async function start(id: string, args: readonly string[]) {
  const bundle = join(workspace.path, id);
  await writeBundle(bundle, workspace.rootfs, id, { args });
  const request = {
    conmonPath: buildConmon(),
    id,
    bundle,
    runtimePath: path,
    runtimeRoot: join(workspace.path, 'runc'),
    socketPath: join(workspace.path, `${id}.s`),
    exitFile: join(bundle, 'exit'),
    pidFile: join(bundle, 'pid'),
    logPath: join(bundle, 'log'),
  };
  return { request, monitor: await startContainerMonitor(kernel, request) };
}

/** What runc does in the moment in which it may be killed. */
async function mountProgram(folder: string): Promise<string> {
  const target = join(folder, 'runc.AbCdEf');
  await writeFile(target, '');
  await kernel.mountBind({ source: path, target, readonly: true, recursive: false });
  return target;
}

const isMounted = async (target: string) => (await readFile('/proc/self/mountinfo', 'utf8')).includes(` ${target} `);

test('the life of a container, by launcher, monitor and runtime', async () => {
  const { request, monitor } = await start('life', ['sleep', '1000']);
  const init = await monitor.created();
  expect(await kernel.identify(init.pid)).toEqual(init);
  expect(await runtime.state('life')).toMatchObject({ id: 'life', status: 'created', pid: init.pid });
  await monitor.start();
  expect(await runtime.state('life')).toMatchObject({ status: 'running', bundle: request.bundle });
  await runtime.update('life', { pids: { limit: 50 } });
  await runtime.pause('life');
  expect(await runtime.state('life')).toMatchObject({ status: 'paused' });
  await expect(runtime.pause('life')).rejects.toMatchObject({ code: 'runtime-failed' });
  await runtime.resume('life');
  expect(await runtime.state('life')).toMatchObject({ status: 'running' });
  const exited = new Promise((resolve) => monitor.onState((state) => state.kind === 'exited' && resolve(state.record)));
  expect(await runtime.kill('life', 9)).toBe(true);
  expect(await exited).toMatchObject({ status: { kind: 'signaled', signal: 9 } });
  expect(await runtime.kill('life', 9)).toBe(false);
  await runtime.delete('life');
  expect(await runtime.state('life')).toBeUndefined();
  await monitor.release();
  expect(await monitor.closed).toBeUndefined();
  expect(existsSync(request.socketPath)).toBe(false);
});

test('delete ends a running container, and is success when there is none', async () => {
  const { monitor } = await start('gone', ['sleep', '1000']);
  await monitor.created();
  await monitor.start();
  monitor.close();
  await runtime.delete('gone');
  await runtime.delete('gone');
  await runtime.delete('never-was');
  expect(await runtime.kill('never-was', 15)).toBe(false);
});

test('delete takes what a killed exec left mounted in the state folder, and nothing of the container beside it', async () => {
  const mounted = await Promise.all(
    ['left', 'left-beside'].map(async (id) => {
      const { monitor } = await start(id, ['sleep', '1000']);
      await monitor.created();
      monitor.close();
      return mountProgram(join(workspace.path, 'runc', id));
    }),
  );
  await runtime.delete('left');
  expect(await Promise.all(mounted.map(isMounted))).toEqual([false, true]);
  expect(await readdir(join(workspace.path, 'runc'))).toEqual(['left-beside']);
  await runtime.delete('left-beside');
  // One that the runtime does not know any more: an earlier delete got no further.
  await mkdir(join(workspace.path, 'runc/left'));
  const again = await mountProgram(join(workspace.path, 'runc/left'));
  await runtime.delete('left');
  expect(await isMounted(again)).toBe(false);
  expect(await readdir(join(workspace.path, 'runc'))).toEqual([]);
});

test('a delete that fails has unmounted what was in its way, and the folder stays for the next', async () => {
  const folder = join(workspace.path, 'runc/refused');
  await mkdir(folder);
  const mounted = await mountProgram(folder);
  const refusing = createOciRuntime({ kernel, path: '/bin/false', root: join(workspace.path, 'runc') });
  await expect(refusing.delete('refused')).rejects.toMatchObject({ code: 'runtime-failed' });
  expect([await isMounted(mounted), existsSync(folder)]).toEqual([false, true]);
  await runtime.delete('refused');
  expect(existsSync(folder)).toBe(false);
});

test('what the runtime refuses comes in its own words', async () => {
  await expect(runtime.update('never-was', {})).rejects.toMatchObject({
    code: 'runtime-failed',
    detail: 'container does not exist',
  });
});

test('tells its version and features', async () => {
  expect(await runtime.version()).toMatch(/^runc version \d/);
  const features = await runtime.features();
  expect(features).toMatchObject({ ociVersionMin: expect.any(String) as string });
});

test('a runtime that is not installed is told as missing', async () => {
  const missing = createOciRuntime({ kernel, path: '/no/such/runc', root: workspace.path });
  await expect(missing.state('x')).rejects.toMatchObject({ code: 'program-missing' });
});

test('a monitor that is not installed is told, and nothing is left', async () => {
  await expect(
    startContainerMonitor(kernel, {
      conmonPath: '/no/such/conmon',
      id: 'x',
      bundle: workspace.path,
      runtimePath: path,
      runtimeRoot: workspace.path,
      socketPath: join(workspace.path, 'x.s'),
      exitFile: join(workspace.path, 'x.exit'),
      pidFile: join(workspace.path, 'x.pid'),
    }),
  ).rejects.toMatchObject({ code: 'program-missing' });
});

describe('checkpoint', () => {
  const request = { imagePath: '/images', workPath: '/work', criuPath: '/opt/criu/bin/criu', timeoutMs: 5000 };
  const answering = (result: Partial<RunResult>) => {
    const fake = new FakeKernel();
    const whole = { exitCode: 0, signal: undefined, timedOut: false, truncated: false, ...result };
    fake.script('run', async () => ({ stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), ...whole }));
    return { fake, runc: createOciRuntime({ kernel: fake, path, root: '/state' }) };
  };

  test('the processes are left as they are, and CRIU is found first', async () => {
    const { fake, runc } = answering({});
    await runc.checkpoint('c', request);
    const [asked] = fake.callsOf('run')[0] as [RunRequest];
    expect(asked.args.slice(asked.args.indexOf('checkpoint')).join(' ')).toBe(
      'checkpoint --image-path /images --work-path /work --leave-running --tcp-established --file-locks c',
    );
    expect(asked.env?.['PATH']).toMatch(/^\/opt\/criu\/bin:/);
    expect(asked.timeoutMs).toBe(5000);
  });

  test('a failure has the runtime’s words, a timeout is told as such', async () => {
    const failed = answering({ exitCode: 1, stderr: Buffer.from('criu failed: type NOTIFY errno 0') });
    await expect(failed.runc.checkpoint('c', request)).rejects.toMatchObject({
      code: 'runtime-failed',
      detail: 'criu failed: type NOTIFY errno 0',
    });
    const late = answering({ exitCode: undefined, signal: 9, timedOut: true });
    await expect(late.runc.checkpoint('c', request)).rejects.toMatchObject({ code: 'deadline-exceeded' });
  });
});
