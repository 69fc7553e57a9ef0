import { status } from '@grpc/grpc-js';
import * as wire from '../../src/wire';
import type { ContainerUsage, PodUsage } from '../../src/cri/parts';
import { answer, collect, connect, type Connection } from './support/connection';
import { containerRecord, id, podRecord } from './support/records';
import { memoryRooms, type Rooms } from './support/rooms';

let rooms: Rooms;
let connection: Connection;
beforeEach(async () => {
  rooms = memoryRooms();
  connection = await connect(rooms);
  rooms.podRecords.push(
    podRecord({ id: id('a1') }),
    podRecord({ id: id('a2'), phase: 'stopped' }),
    podRecord({ id: id('a3'), config: wire.PodSandboxConfig.fromPartial({ labels: { app: 'db' } }) }),
  );
  rooms.containerRecords.push(
    containerRecord({ id: id('c1'), sandboxId: id('a1') }),
    containerRecord({ id: id('c2'), sandboxId: id('a1'), phase: 'exited' }),
    containerRecord({ id: id('c3'), sandboxId: id('a3'), config: wire.ContainerConfig.fromPartial({}) }),
    containerRecord({ id: id('c4'), sandboxId: id('a3'), phase: 'creating' }),
  );
});
afterEach(async () => connection[Symbol.asyncDispose]());

const line = (totalUs: bigint) => ({ avg10: 1.5, avg60: 2, avg300: 3, totalUs });
const used: NonNullable<ContainerUsage['usage']> = {
  timestamp: 5n,
  cpuNs: 10n,
  nanoCores: 11n,
  memory: { usage: 70n, workingSet: 50n, limit: 128n, rss: 40n, pageFaults: 7n, majorPageFaults: 2n },
  swap: { usage: 3n, limit: 9n },
  pressure: { cpu: { some: line(1n), full: line(2n) }, memory: { some: line(3n) }, io: { some: line(4n) } },
};
const psiData = (Total: bigint) => ({ Total, Avg10: 1.5, Avg60: 2, Avg300: 3 });
const shown = {
  cpu: {
    timestamp: 5n,
    usageCoreNanoSeconds: { value: 10n },
    usageNanoCores: { value: 11n },
    psi: { Some: psiData(1n), Full: psiData(2n) },
  },
  memory: {
    timestamp: 5n,
    workingSetBytes: { value: 50n },
    availableBytes: { value: 78n },
    usageBytes: { value: 70n },
    rssBytes: { value: 40n },
    pageFaults: { value: 7n },
    majorPageFaults: { value: 2n },
    psi: { Some: psiData(3n), Full: undefined },
  },
  io: { timestamp: 5n, psi: { Some: psiData(4n), Full: undefined } },
};

const containerStats = (containerId: string) =>
  answer<wire.ContainerStatsResponse>((done) => connection.runtime.containerStats({ containerId }, done));
const podStats = (podSandboxId: string) =>
  answer<wire.PodSandboxStatsResponse>((done) => connection.runtime.podSandboxStats({ podSandboxId }, done));

test('ContainerStats: every figure in its place', async () => {
  rooms.usages.set(id('c1'), { usage: used, writableLayer: { timestamp: 6n, bytes: 20n, inodes: 4n } });
  const { stats } = await containerStats('c1');
  expect(stats).toEqual({
    attributes: {
      id: id('c1'),
      metadata: { name: 'nginx', attempt: 1 },
      labels: { app: 'web', tier: 'front' },
      annotations: { note: 'kept' },
    },
    ...shown,
    swap: { timestamp: 5n, swapAvailableBytes: { value: 6n }, swapUsageBytes: { value: 3n } },
    writableLayer: {
      timestamp: 6n,
      fsId: { mountpoint: '/var/lib/berth' },
      usedBytes: { value: 20n },
      inodesUsed: { value: 4n },
    },
  });
});

test('what is not known is absent, not 0', async () => {
  const { swap: _swap, pressure: _pressure, nanoCores: _rate, memory, ...less } = used;
  const { limit: _limit, ...unlimited } = memory ?? {
    usage: 0n,
    workingSet: 0n,
    rss: 0n,
    pageFaults: 0n,
    majorPageFaults: 0n,
  };
  rooms.usages.set(id('c1'), { usage: { ...less, memory: unlimited } });
  const { stats } = await containerStats(id('c1'));
  expect(stats?.cpu).toEqual({ ...shown.cpu, usageNanoCores: undefined, psi: undefined });
  expect(stats?.memory).toEqual({ ...shown.memory, availableBytes: undefined, psi: undefined });
  expect([stats?.swap, stats?.io, stats?.writableLayer]).toEqual([undefined, undefined, undefined]);
});

test('use above the limit leaves nothing, not less', async () => {
  const swap = { usage: 10n, limit: 9n };
  const memory = { usage: 200n, workingSet: 200n, limit: 128n, rss: 0n, pageFaults: 0n, majorPageFaults: 0n };
  rooms.usages.set(id('c1'), { usage: { timestamp: 5n, memory, swap } });
  const { stats } = await containerStats(id('c1'));
  expect(stats?.memory?.availableBytes).toEqual({ value: 0n });
  expect(stats?.swap?.swapAvailableBytes).toEqual({ value: 0n });
});

test('PodSandboxStats: the pod, its network and its containers', async () => {
  const counted = { rxBytes: 1n, rxErrors: 2n, txBytes: 3n, txErrors: 4n };
  const eth = { ...counted, rxPackets: 5n, rxDrops: 6n, txPackets: 7n, txDrops: 8n };
  const values = { rxBytes: { value: 1n }, rxErrors: { value: 2n }, txBytes: { value: 3n }, txErrors: { value: 4n } };
  const usage: PodUsage = {
    usage: used,
    tasks: 9n,
    network: {
      timestamp: 8n,
      interfaces: [
        { name: 'net1', ...eth },
        { name: 'eth0', ...eth },
      ],
    },
  };
  rooms.usages.set(id('a1'), usage);
  rooms.usages.set(id('c1'), { usage: used });
  const { stats } = await podStats('a1');
  expect(stats?.attributes).toEqual({
    id: id('a1'),
    metadata: { name: 'web', uid: 'uid-1', namespace: 'shop', attempt: 2 },
    labels: { app: 'web' },
    annotations: { note: 'kept' },
  });
  expect(stats?.linux).toMatchObject({
    ...shown,
    network: {
      timestamp: 8n,
      defaultInterface: { name: 'eth0', ...values },
      interfaces: [{ name: 'net1', ...values }],
    },
    process: { timestamp: 5n, processCount: { value: 9n } },
  });
  expect(stats?.linux?.containers.map((one) => [one.attributes?.id, one.cpu?.timestamp])).toEqual([
    [id('c1'), 5n],
    [id('c2'), undefined],
  ]);
});

test.each<[string, Partial<wire.ContainerStatsFilter> | undefined, string[]]>([
  ['none', undefined, ['c1', 'c2', 'c3']],
  ['an id', { id: id('c2') }, ['c2']],
  ['the beginning of an id', { id: 'c3' }, ['c3']],
  ['a pod', { podSandboxId: id('a1') }, ['c1', 'c2']],
  ['labels', { labelSelector: { tier: 'front' } }, ['c1', 'c2']],
  ['an id and labels of another', { id: id('c3'), labelSelector: { tier: 'front' } }, []],
])('containers by filter: %s', async (_what, partial, expected) => {
  const filter = partial && wire.ContainerStatsFilter.fromPartial(partial);
  const { stats } = await answer<wire.ListContainerStatsResponse>((done) =>
    connection.runtime.listContainerStats({ filter }, done),
  );
  expect(stats.map(({ attributes }) => attributes?.id.slice(0, 2))).toEqual(expected);
  const chunks = await collect(connection.runtime.streamContainerStats({ filter }));
  expect(chunks.flatMap((chunk) => chunk.containerStats)).toEqual(stats);
});

test.each<[string, Partial<wire.PodSandboxStatsFilter> | undefined, string[]]>([
  ['none: those that are ready', undefined, ['a1', 'a3']],
  ['an id', { id: id('a3') }, ['a3']],
  ['a pod that is not ready', { id: id('a2') }, []],
  ['labels', { labelSelector: { app: 'db' } }, ['a3']],
])('pods by filter: %s', async (_what, partial, expected) => {
  const filter = partial && wire.PodSandboxStatsFilter.fromPartial(partial);
  const { stats } = await answer<wire.ListPodSandboxStatsResponse>((done) =>
    connection.runtime.listPodSandboxStats({ filter }, done),
  );
  expect(stats.map(({ attributes }) => attributes?.id.slice(0, 2))).toEqual(expected);
  const chunks = await collect(connection.runtime.streamPodSandboxStats({ filter }));
  expect(chunks.flatMap((chunk) => chunk.podSandboxStats)).toEqual(stats);
});

test('one that is not there is NOT_FOUND, one without an id INVALID_ARGUMENT', async () => {
  await expect(containerStats('ff')).rejects.toMatchObject({ code: status.NOT_FOUND });
  await expect(podStats('ff')).rejects.toMatchObject({ code: status.NOT_FOUND });
  await expect(containerStats(id('c4'))).rejects.toMatchObject({ code: status.NOT_FOUND });
  await expect(containerStats('')).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: expect.stringContaining('container_id') as string,
  });
  await expect(podStats('')).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: expect.stringContaining('pod_sandbox_id') as string,
  });
});
