import { readExitRecord } from '../../src/runtime';
import { NamespaceMode } from '../../src/wire';
import { Ground, until, untilTerm } from '../containers/support/ground';
import { join } from 'node:path';

let ground: Ground;
beforeEach(async () => void (ground = await Ground.create({ plugins: [] })));
afterEach(() => ground.dispose());

/** Ends the container's init by TERM while no engine is open, and waits for the monitor's record of it. */
async function endUnseen(id: string, pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  await until('the monitor has left its record', async () => {
    return (await readExitRecord(join(ground.root, 'exits', id))) !== undefined;
  });
}

test('a container that ran through the kill is taken up: it is running, takes an exec, and its end is seen', async () => {
  const pod = await ground.pod();
  const id = await ground.running(pod, untilTerm);
  const before = ground.record(id);
  await ground.kill();
  const { containers } = await ground.start();

  expect(ground.record(id)).toEqual(before);
  const echoed = await containers.execSync(id, ['/bin/busybox', 'echo', 'here'], 5);
  expect(echoed).toMatchObject({ exitCode: 0, stdout: Buffer.from('here\n') });
  await containers.stop(id, 10);
  expect(ground.record(id)).toMatchObject({ phase: 'exited', exit: { exitCode: 7, reason: 'Error' } });
});

test('a container that was created and not started can be started after the kill', async () => {
  const pod = await ground.pod();
  const id = await ground.container(pod, ['/bin/busybox', 'true']);
  await ground.kill();
  const { containers } = await ground.start();
  expect(ground.record(id).phase).toBe('created');
  await containers.start(id);
  expect((await ground.ended(id)).exit).toMatchObject({ exitCode: 0, reason: 'Completed' });
});

test.each([
  ['told by its monitor', false],
  ['read from its record when the monitor is dead too', true],
])('the end of a container that nobody saw is %s', async (_, killMonitor) => {
  const pod = await ground.pod();
  const id = await ground.running(pod, untilTerm);
  const { init } = ground.record(id);
  const monitor = await ground.monitorPid(id);
  await ground.kill();
  await endUnseen(id, init?.pid ?? 0);
  if (killMonitor) process.kill(monitor, 'SIGKILL');
  await ground.start();
  const { exit, startedAt } = await ground.ended(id);
  expect(exit).toMatchObject({ exitCode: 7, reason: 'Error' });
  expect(exit?.finishedAt).toBeGreaterThan(startedAt);
});

test('a container whose monitor was killed is ended as MonitorLost, and no process of it is left', async () => {
  const pod = await ground.pod();
  const id = await ground.running(pod, untilTerm);
  const { init } = ground.record(id);
  const monitor = await ground.monitorPid(id);
  await ground.kill();
  process.kill(monitor, 'SIGKILL');
  const { kernel } = await ground.start();

  expect(ground.record(id)).toMatchObject({ phase: 'exited', exit: { exitCode: 255, reason: 'MonitorLost' } });
  const now = await kernel.identify(init?.pid ?? 0);
  expect(now?.startTime).not.toBe(init?.startTime);
  expect((await ground.cgroups()).filter((path) => path.endsWith(id))).toEqual([]);
});

test('a monitor that is killed while berthd runs is seen at once', async () => {
  const id = await ground.running(await ground.pod(), untilTerm);
  process.kill(await ground.monitorPid(id), 'SIGKILL');
  expect((await ground.ended(id)).exit).toMatchObject({ exitCode: 255, reason: 'MonitorLost' });
});

test('after a restart of the machine containers are over, pods stopped, and addresses given back', async () => {
  const pod = await ground.pod({}, NamespaceMode.POD);
  const [address] = await ground.addresses();
  const ran = await ground.running(pod, untilTerm);
  const ended = await ground.running(pod, untilTerm);
  const told = await ground.running(pod, untilTerm);
  await ground.engine.containers.stop(ended, 10);
  const { init } = ground.record(told);
  await ground.kill();
  await endUnseen(told, init?.pid ?? 0);
  await ground.powerLoss();
  await ground.editState(async ({ containers, sandboxes }) => {
    for (const record of [...containers.values()]) await containers.put({ ...record, bootId: 'another boot' });
    for (const record of [...sandboxes.values()]) await sandboxes.put({ ...record, bootId: 'another boot' });
  });
  expect(await ground.addresses()).toEqual([address]);
  const { pods, containers, podLifecycle } = await ground.start();

  expect(ground.record(ran)).toMatchObject({ phase: 'exited', exit: { exitCode: 255, reason: 'NodeRestarted' } });
  expect(ground.record(ended)).toMatchObject({ phase: 'exited', exit: { exitCode: 7, reason: 'Error' } });
  expect(ground.record(told)).toMatchObject({ phase: 'exited', exit: { exitCode: 7, reason: 'Error' } });
  expect(pods.get(pod)).toMatchObject({ phase: 'stopped', network: { attached: false } });
  expect(await ground.addresses()).toEqual([]);
  await podLifecycle.remove(pod);
  expect([pods.list(), containers.list()]).toEqual([[], []]);
  await ground.expectNothingLeft();
});
