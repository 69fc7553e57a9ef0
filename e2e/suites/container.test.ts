import { status } from '@grpc/grpc-js';
import { access, readlink } from 'node:fs/promises';
import { ContainerState, PodSandboxState } from '../../src/wire';
import { images } from '../support/fixtures';
import { written } from '../support/kubelet-log';
import { rejection } from '../support/matchers';
import { berthTest, useWorld } from '../support/suite';

const suite = useWorld();

test('a container goes from created to running to exited, and its log is there', async () => {
  const { world } = suite;
  const container = await world.create({ command: ['sh', '-c', 'echo to stdout; echo to stderr >&2'] });
  const created = await world.cri.containerStatus(container.id);
  expect(created).toMatchObject({ state: ContainerState.CONTAINER_CREATED, startedAt: 0n, finishedAt: 0n });
  expect(created.createdAt).toBeGreaterThan(0n);

  await world.cri.start(container.id);
  const exited = await world.exited(container.id);
  expect(exited).toMatchObject({ exitCode: 0, reason: 'Completed', logPath: container.log });
  expect(exited.startedAt).toBeGreaterThanOrEqual(exited.createdAt);
  expect(exited.finishedAt).toBeGreaterThanOrEqual(exited.createdAt);

  const lines = await world.logOf(container);
  expect(lines).toHaveLength(2);
  expect(lines).toContainEqual(expect.objectContaining({ stream: 'stdout', tag: 'F', text: 'to stdout' }));
  expect(lines).toContainEqual(expect.objectContaining({ stream: 'stderr', tag: 'F', text: 'to stderr' }));
});

test('the limits of huge pages that every kubelet sends, 0 for each size, keep no container from running', async () => {
  const hugepageLimits = ['2MB', '1GB'].map((pageSize) => ({ pageSize, limit: 0n }));
  const { status: end } = await suite.world.runToEnd('true', { linux: { resources: { hugepageLimits } } });
  expect(end.exitCode).toBe(0);
});

berthTest('times are in order: created, started, finished', async () => {
  const { status: times } = await suite.world.runToEnd('true');
  expect(times.startedAt).toBeGreaterThanOrEqual(times.createdAt);
  expect(times.finishedAt).toBeGreaterThanOrEqual(times.startedAt);
});

test.each([
  ['exit 7', 7],
  ['exit 255', 255],
  [`sh -c 'kill -9 $$'; exit $?`, 137],
  // An init without a handler does not get the signal.
  ['kill -15 $$; exit 9', 9],
])('`%s` exits with %d', async (script, code) => {
  const { status: ended } = await suite.world.runToEnd(script);
  expect(ended.exitCode).toBe(code);
  expect(ended.reason).toBe(code === 0 ? 'Completed' : 'Error');
});

test('a process killed from outside exits with 137', async () => {
  const { world } = suite;
  const container = await world.start({ command: ['sh', '-c', 'sleep 3600 & wait'] });
  await world.cri.stop(container.id, 0);
  expect((await world.exited(container.id)).exitCode).toBe(137);
});

test('long lines, lines without an end and empty lines are logged byte for byte', async () => {
  const script = `printf 'a\\n\\n'; head -c 40000 /dev/zero | tr '\\0' x; echo; printf 'no end'`;
  const { lines } = await suite.world.runToEnd(script);
  expect(written(lines).replace(/\n$/, '')).toBe(`a\n\n${'x'.repeat(40_000)}\nno end`);
  expect(lines.map(({ tag }) => tag)).toContain('P');
});

test('a container without a log path runs all the same', async () => {
  const { world } = suite;
  const container = await world.start({ command: ['true'], logPath: '' });
  expect((await world.exited(container.id)).exitCode).toBe(0);
});

test('Start is for created containers only, and a missing program fails it or the create', async () => {
  const { world } = suite;
  const container = await world.start();
  await rejection(world.cri.start(container.id));
  const { details } = await rejection(world.start({ command: ['/bin/not-there'] }, container.pod));
  expect(details).toContain('/bin/not-there');
});

test('Remove takes away a running container and its writable layer; the log stays', async () => {
  const { world } = suite;
  const container = await world.start({ command: ['sh', '-c', 'echo here; sleep 3600'] });
  await world.cri.remove(container.id);
  await expect(world.cri.containerStatus(container.id)).rejects.toMatchObject({ code: status.NOT_FOUND });
  await expect(access(container.log)).resolves.toBeUndefined();
});

test('the status tells image, labels, annotations and mounts as they were asked for', async () => {
  const { world } = suite;
  const mount = { hostPath: world.dir, containerPath: '/mnt/host', readonly: true };
  const { id } = await world.create({ labels: { a: 'b' }, annotations: { c: 'd' }, mounts: [mount] });
  const answer = await world.cri.containerStatus(id);
  const image = await world.cri.imageStatus(images.busybox);
  expect(answer).toMatchObject({ labels: { a: 'b' }, annotations: { c: 'd' }, mounts: [mount] });
  expect(answer.mounts).toHaveLength(1);
  expect(answer.image?.image).toBe(images.busybox);
  expect([image?.id, ...(image?.repoDigests ?? [])]).toContain(answer.imageRef);
});

test('a pod on the host network sees the host and has no address of its own', async () => {
  const { world } = suite;
  const pod = await world.runPod(world.podConfig({ host: true }));
  const sandbox = await world.cri.podStatus(pod.id);
  expect(sandbox).toMatchObject({ state: PodSandboxState.SANDBOX_READY, metadata: pod.config.metadata });
  expect(sandbox.network?.ip ?? '').toBe('');
  const container = await world.start({}, pod);
  const inside = await world.sh(container, 'readlink /proc/self/ns/net');
  expect(inside).toBe(await readlink('/proc/self/ns/net'));
});
