import { slow } from '../../test/slow.cjs';
import { status } from '@grpc/grpc-js';
import { ContainerState, PodSandboxState } from '../../src/wire';
import { rejection } from '../support/matchers';
import { berthTest, useWorld } from '../support/suite';

const suite = useWorld();
const unknown = 'f'.repeat(64);

test('a process that ends on SIGTERM gets its time', async () => {
  const { world } = suite;
  const container = await world.start({
    command: ['sh', '-c', 'trap "echo bye; exit 3" TERM; while :; do sleep 0.05; done'],
  });
  await world.cri.stop(container.id, 20);
  expect(await world.cri.containerStatus(container.id)).toMatchObject({
    state: ContainerState.CONTAINER_EXITED,
    exitCode: 3,
  });
  expect((await world.logOf(container)).map(({ text }) => text)).toContain('bye');
});

test('a process that ignores SIGTERM is killed when its grace is over', async () => {
  const { world } = suite;
  const container = await world.start({ command: ['sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done'] });
  const begun = Date.now();
  await world.cri.stop(container.id, 1);
  expect(Date.now() - begun).toBeGreaterThanOrEqual(950);
  expect(Date.now() - begun).toBeLessThan(8_000);
  expect(await world.cri.containerStatus(container.id)).toMatchObject({ exitCode: 137 });
});

test('Stop and Remove may be repeated, and Remove of an unknown id is success', async () => {
  const { world } = suite;
  const { id, pod } = await world.start();
  await world.cri.stop(id, 0);
  await world.cri.stop(id, 0);
  await world.cri.remove(id);
  await world.cri.remove(id);
  await world.cri.stopPod(pod.id);
  await world.cri.stopPod(pod.id);
  await world.cri.removePod(pod.id);
  await world.cri.removePod(pod.id);
  await world.cri.removePod(unknown);
  await world.cri.remove(unknown);
});

// containerd 1.6 answers NOT_FOUND; CRI says that Stop must not.
berthTest('Stop of an unknown id is success', async () => {
  await suite.world.cri.stop(unknown, 0);
  await suite.world.cri.stopPod(unknown);
});

test('what asks about an unknown id is NOT_FOUND', async () => {
  const { cri } = suite.world;
  const calls = [() => cri.podStatus(unknown), () => cri.containerStatus(unknown), () => cri.start(unknown)];
  for (const call of [...calls, () => cri.execSync(unknown, ['true'])]) {
    expect((await rejection(call())).code).toBe(status.NOT_FOUND);
  }
});

// CRI: containers that still run must be forcibly terminated; their grace is StopContainer's.
test('StopPodSandbox ends its containers at once; RemovePodSandbox takes all of them away', async () => {
  const { world } = suite;
  const pod = await world.runPod();
  const first = await world.start({}, pod);
  const second = await world.start({}, pod);
  const begun = Date.now();
  await world.cri.stopPod(pod.id);
  expect(Date.now() - begun).toBeLessThan(5_000);
  expect((await world.cri.podStatus(pod.id)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
  for (const { id } of [first, second]) expect((await world.exited(id)).exitCode).toBe(137);
  await rejection(world.create({}, pod));
  await world.cri.removePod(pod.id);
  await expect(world.cri.podStatus(pod.id)).rejects.toMatchObject({ code: status.NOT_FOUND });
  expect(await world.cri.listContainers({ id: '', state: undefined, podSandboxId: pod.id, labelSelector: {} })).toEqual(
    [],
  );
});

test('containers are listed by id, state, pod and labels', async () => {
  const { world } = suite;
  const pod = await world.runPod(world.podConfig({ host: true }));
  const running = await world.start({ labels: { role: 'web', tier: 'front' } }, pod);
  const created = await world.create({ labels: { role: 'web', tier: 'back' } }, pod);
  const all = { id: '', state: undefined, podSandboxId: pod.id, labelSelector: {} };
  const list = async (over: Partial<Parameters<typeof world.cri.listContainers>[0]>) =>
    (await world.cri.listContainers({ ...all, ...over })).map(({ id }) => id).sort();

  expect(await list({})).toEqual([running.id, created.id].sort());
  expect(await list({ id: running.id })).toEqual([running.id]);
  expect(await list({ id: running.id.slice(0, 12) })).toEqual([running.id]);
  expect(await list({ state: { state: ContainerState.CONTAINER_CREATED } })).toEqual([created.id]);
  expect(await list({ labelSelector: { role: 'web' } })).toEqual([running.id, created.id].sort());
  expect(await list({ labelSelector: { role: 'web', tier: 'back' } })).toEqual([created.id]);
  expect(await list({ labelSelector: { role: 'none' } })).toEqual([]);
  expect(await list({ id: unknown })).toEqual([]);
});

test('pods are listed by id, state and labels', async () => {
  const { world } = suite;
  const ready = await world.runPod(world.podConfig({ host: true, labels: { group: 'listed', nr: '1' } }));
  const stopped = await world.runPod(world.podConfig({ host: true, labels: { group: 'listed', nr: '2' } }));
  await world.cri.stopPod(stopped.id);
  const all = { id: '', state: undefined, labelSelector: { group: 'listed' } };
  const list = async (over: Partial<Parameters<typeof world.cri.listPods>[0]>) =>
    (await world.cri.listPods({ ...all, ...over })).map(({ id }) => id).sort();

  expect(await list({})).toEqual([ready.id, stopped.id].sort());
  expect(await list({ state: { state: PodSandboxState.SANDBOX_READY } })).toEqual([ready.id]);
  expect(await list({ state: { state: PodSandboxState.SANDBOX_NOTREADY } })).toEqual([stopped.id]);
  expect(await list({ id: stopped.id })).toEqual([stopped.id]);
  expect(await list({ labelSelector: { group: 'listed', nr: '1' } })).toEqual([ready.id]);
});

berthTest('a create that is retried joins the first and gives the same id', async () => {
  const { world } = suite;
  const config = world.podConfig();
  const ids = await Promise.all([world.runPod(config), world.runPod(config), world.runPod(config)]);
  expect(new Set(ids.map(({ id }) => id)).size).toBe(1);
  const [pod] = ids;
  expect(await world.runPod(config)).toEqual(pod);

  const container = world.containerConfig({}, pod);
  const create = () => world.cri.create(pod.id, container, pod.config);
  const created = await Promise.all([create(), create(), create()]);
  expect(new Set(created).size).toBe(1);
  expect(await create()).toBe(created[0]);
});

berthTest('a Stop whose caller gives up says so and goes on', async () => {
  const { world } = suite;
  const container = await world.start({ command: ['sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done'] });
  await expect(world.cri.stop(container.id, 1, { deadlineMs: 200 })).rejects.toMatchObject({
    code: status.DEADLINE_EXCEEDED,
  });
  expect((await world.exited(container.id)).exitCode).toBe(137);
});

berthTest('reads answer while a Stop waits', async () => {
  const { world } = suite;
  const container = await world.start({ command: ['sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done'] });
  const stopped = world.cri.stop(container.id, 2 * slow);
  const begun = Date.now();
  for (let round = 0; round < 20; round++) {
    await world.cri.listContainers();
    expect((await world.cri.containerStatus(container.id)).state).toBe(ContainerState.CONTAINER_RUNNING);
  }
  expect(Date.now() - begun).toBeLessThan(1_500 * slow);
  await stopped;
});
