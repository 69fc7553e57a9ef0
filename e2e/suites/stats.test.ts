import { readFile } from 'node:fs/promises';
import type { ContainerStats } from '../../src/wire';
import { present } from '../support/cri';
import { cgroupFigures } from '../support/cgroup-figures';
import { images } from '../support/fixtures';
import { fetchFromHost, podWithCgroup } from '../support/measured-pod';
import { berthTest, useWorld } from '../support/suite';
import { until } from '../support/wait';

const suite = useWorld();
beforeAll(async () => {
  await suite.world.cri.pull(images.busybox);
});

const mib = 1024 * 1024;
const figure = (value: { readonly value: bigint } | undefined): number => Number(present(value).value);

/** The stats, once they are as the test waits for. */
const statsWhen = (id: string, what: string, is: (stats: ContainerStats) => boolean) =>
  until(what, async () => {
    const stats = await suite.world.cri.containerStats(id);
    return is(stats) && stats;
  });

test('a container that burns a CPU uses one, by its time and by its rate, as the kernel counts it', async () => {
  const { world } = suite;
  const { id } = await world.start({ command: ['sh', '-c', 'while :; do :; done'] });
  const first = present((await world.cri.containerStats(id)).cpu);
  const { cpu } = await statsWhen(id, 'a rate over two seconds', ({ cpu: now }) => {
    const since = Number(present(now).timestamp - first.timestamp) / 1e9;
    return since >= 2 && now?.usageNanoCores !== undefined;
  });
  const after = await cgroupFigures(world, id);
  const now = present(cpu);
  const seconds = Number(now.timestamp - first.timestamp) / 1e9;
  const used = (figure(now.usageCoreNanoSeconds) - figure(first.usageCoreNanoSeconds)) / 1e9;
  // Other work may take a part of the processor, never give it more than one.
  expect(used).toBeGreaterThan(seconds * 0.2);
  expect(used).toBeLessThan(seconds * 1.1 + 0.1);
  expect(figure(now.usageNanoCores) / 1e9).toBeGreaterThan(0.2);
  expect(figure(now.usageNanoCores) / 1e9).toBeLessThan(1.2);
  expect(figure(now.usageCoreNanoSeconds)).toBeLessThanOrEqual(after.cpuNs);
  expect(after.cpuNs - figure(now.usageCoreNanoSeconds)).toBeLessThan(2e9);
});

test('a container that holds 50 MiB has them in its working set, beside its limit', async () => {
  const { world } = suite;
  const { id } = await world.start({
    // One block, which is never written: nobody reads.
    command: ['sh', '-c', 'dd if=/dev/zero bs=52428800 count=1 | sleep 3600'],
    linux: { resources: { memoryLimitInBytes: BigInt(512 * mib) } },
  });
  const { memory } = await statsWhen(id, '50 MiB in use', ({ memory: now }) => {
    return figure(present(now).rssBytes) > 50 * mib;
  });
  const { memory: used } = await cgroupFigures(world, id);
  const now = present(memory);
  expect(now.timestamp).toBeGreaterThan(0n);
  expect(Math.abs(figure(now.usageBytes) - used.usage)).toBeLessThan(8 * mib);
  expect(Math.abs(figure(now.workingSetBytes) - used.workingSet)).toBeLessThan(8 * mib);
  expect(figure(now.workingSetBytes)).toBeGreaterThan(50 * mib);
  expect(figure(now.availableBytes) + figure(now.workingSetBytes)).toBe(512 * mib);
  // Each of its pages was touched once; a huge page is one fault for 512 of them.
  expect(figure(now.pageFaults)).toBeGreaterThan(25);
  expect(figure(now.pageFaults)).toBeLessThanOrEqual(used.pageFaults);
  expect(figure(now.majorPageFaults)).toBeLessThanOrEqual(figure(now.pageFaults));
});

berthTest('without a limit nothing is told to be available', async () => {
  const { id } = await suite.world.start();
  const { memory } = await suite.world.cri.containerStats(id);
  expect(memory?.availableBytes).toBeUndefined();
});

test('what a container writes is in its writable layer, on the file system that ImageFsInfo names', async () => {
  const { world } = suite;
  const { id } = await world.start({
    command: ['sh', '-c', 'head -c 20971520 /dev/zero > /written; mkdir /d; touch /d/1 /d/2; sleep 3600'],
  });
  const { writableLayer } = await statsWhen(id, '20 MiB in the writable layer', ({ writableLayer: layer }) => {
    return layer?.usedBytes !== undefined && figure(layer.usedBytes) >= 20 * mib && figure(layer.inodesUsed) >= 4;
  });
  const layer = present(writableLayer);
  expect(layer.timestamp).toBeGreaterThan(0n);
  expect(figure(layer.usedBytes)).toBeLessThan(22 * mib);
  expect(figure(layer.inodesUsed)).toBeLessThan(20);
  const { containerFilesystems, imageFilesystems } = await world.cri.imageFsInfo();
  const known = [...containerFilesystems, ...imageFilesystems].map(({ fsId }) => fsId?.mountpoint);
  expect(known).toContain(layer.fsId?.mountpoint);
});

test('a container that has ended has no CPU and no memory, and still its writable layer', async () => {
  const { world } = suite;
  const { container } = await world.runToEnd('echo kept > /kept');
  const stats = await until('its writable layer to be counted', async () => {
    const [found] = await world.cri.listContainerStats({ id: container.id });
    return found?.writableLayer !== undefined && found;
  });
  expect(stats.attributes).toMatchObject({ id: container.id, metadata: container.config.metadata });
  expect(stats.cpu).toBeUndefined();
  expect(stats.memory).toBeUndefined();
});

test('the lists are filtered by id, pod and labels, and name what they tell of', async () => {
  const { world } = suite;
  const pod = await world.runPod(world.podConfig({ host: true }));
  const labels = { tier: 'stats', app: pod.id.slice(0, 8) };
  const annotations = { note: 'kept' };
  const one = await world.start({ labels, annotations }, pod);
  const two = await world.start({}, pod);
  const ids = async (filter: Parameters<typeof world.cri.listContainerStats>[0]) =>
    (await world.cri.listContainerStats(filter)).map(({ attributes }) => attributes?.id).sort();
  expect(await ids({ podSandboxId: pod.id })).toEqual([one.id, two.id].sort());
  expect(await ids({ id: one.id })).toEqual([one.id]);
  expect(await ids({ labelSelector: labels })).toEqual([one.id]);
  expect(await ids({ id: one.id, labelSelector: { tier: 'other' } })).toEqual([]);
  expect(await ids(undefined)).toEqual(expect.arrayContaining([one.id, two.id]));
  const [stats] = await world.cri.listContainerStats({ id: one.id });
  expect(stats?.attributes).toEqual({ id: one.id, metadata: one.config.metadata, labels, annotations });
});

berthTest('a pod uses what its containers use together, and lists them', async () => {
  const { world } = suite;
  const pod = await podWithCgroup(suite.world);
  const burning = await world.start({ command: ['sh', '-c', 'while :; do :; done'] }, pod);
  const idle = await world.start({ command: ['sh', '-c', 'sleep 3600 & sleep 3600 & wait'] }, pod);
  const { linux, attributes } = await until('a pod that has used a second of CPU', async () => {
    const stats = await world.cri.podStats(pod.id);
    return figure(stats.linux?.cpu?.usageCoreNanoSeconds) > 1e9 && stats.linux?.cpu?.usageNanoCores && stats;
  });
  expect(attributes).toMatchObject({ id: pod.id, metadata: pod.config.metadata, labels: pod.config.labels });
  expect(linux?.containers.map((one) => one.attributes?.id).sort()).toEqual([burning.id, idle.id].sort());
  const parts = present(linux).containers;
  const sum = (of: (stats: ContainerStats) => number) => parts.map(of).reduce((all, one) => all + one, 0);
  const cpu = sum((one) => figure(one.cpu?.usageCoreNanoSeconds));
  // The pod was read first, and its cgroup holds nothing else.
  expect(Math.abs(figure(linux?.cpu?.usageCoreNanoSeconds) - cpu)).toBeLessThan(5e8);
  const memory = sum((one) => figure(one.memory?.workingSetBytes));
  expect(Math.abs(figure(linux?.memory?.workingSetBytes) - memory)).toBeLessThan(4 * mib);
  expect(figure(linux?.process?.processCount)).toBe(4);
  const listed = await world.cri.listPodStats({ id: pod.id });
  expect(listed).toHaveLength(1);
  expect((await world.cri.listPodStats({ labelSelector: { uid: 'nobody' } })).length).toBe(0);
});

berthTest('a pod’s network has the bytes of its interface, as the pod sees them', async () => {
  const { world } = suite;
  const pod = await podWithCgroup(suite.world, {});
  const { id } = await world.start({}, pod);
  await fetchFromHost(world, { id }, 100_000);
  const seen = Number(await world.sh({ id }, 'cat /sys/class/net/eth0/statistics/rx_bytes'));
  expect(seen).toBeGreaterThan(100_000);
  const network = await until('the bytes that the pod has got', async () => {
    const { linux } = await world.cri.podStats(pod.id);
    const got = linux?.network?.defaultInterface?.rxBytes;
    return got !== undefined && Number(got.value) >= seen && linux?.network;
  });
  const now = Number(await world.sh({ id }, 'cat /sys/class/net/eth0/statistics/rx_bytes'));
  expect(network.defaultInterface?.name).toBe('eth0');
  expect(figure(network.defaultInterface?.rxBytes)).toBeLessThanOrEqual(now);
  expect(figure(network.defaultInterface?.txBytes)).toBeGreaterThan(0);
  expect(figure(network.defaultInterface?.txErrors)).toBe(0);
  expect(network.interfaces.map(({ name }) => name)).not.toContain('lo');
  expect(network.timestamp).toBeGreaterThan(0n);
});

berthTest('a pod on the host’s network has no network of its own', async () => {
  const pod = await podWithCgroup(suite.world);
  const { linux } = await suite.world.cri.podStats(pod.id);
  expect(linux?.network).toBeUndefined();
});

berthTest('pressure is told where the kernel keeps it', async () => {
  const { world } = suite;
  const { id } = await world.start({ command: ['sh', '-c', 'while :; do :; done'] });
  const kept = await readFile('/proc/pressure/cpu', 'utf8').catch(() => undefined);
  const stats = await world.cri.containerStats(id);
  const { pressure } = await cgroupFigures(world, id);
  // v1 alone has none; beside a unified hierarchy that the container is in there is.
  expect(stats.cpu?.psi !== undefined).toBe(kept !== undefined && pressure);
  if (stats.cpu?.psi) {
    expect(stats.cpu.psi.Some?.Total).toBeGreaterThanOrEqual(0n);
    expect(stats.memory?.psi?.Some).toBeDefined();
    expect(stats.io?.psi?.Full).toBeDefined();
  }
});

test('an unknown container is NOT_FOUND', async () => {
  await expect(suite.world.cri.containerStats('0123456789abcdef')).rejects.toMatchObject({ code: 5 });
});
