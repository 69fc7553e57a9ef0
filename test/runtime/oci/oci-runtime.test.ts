import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Kernel } from '../../../src/kernel';
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

test('the life of a container, by launcher, monitor and runtime', async () => {
  const { request, monitor } = await start('life', ['sleep', '1000']);
  const init = await monitor.created();
  expect(await kernel.identify(init.pid)).toEqual(init);
  expect(await runtime.state('life')).toMatchObject({ id: 'life', status: 'created', pid: init.pid });
  await monitor.start();
  expect(await runtime.state('life')).toMatchObject({ status: 'running', bundle: request.bundle });
  await runtime.update('life', { pids: { limit: 50 } });
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
