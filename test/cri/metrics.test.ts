import * as wire from '../../src/wire';
import { answer, collect, connect, type Connection } from './support/connection';
import { containerRecord, id, podRecord } from './support/records';
import { memoryRooms, type Rooms } from './support/rooms';

let rooms: Rooms;
let connection: Connection;
beforeEach(async () => {
  rooms = memoryRooms();
  connection = await connect(rooms);
});
afterEach(async () => connection[Symbol.asyncDispose]());

const list = () =>
  answer<wire.ListPodSandboxMetricsResponse>((done) => connection.runtime.listPodSandboxMetrics({}, done));
const stream = () => collect(connection.runtime.streamPodSandboxMetrics({}));

/** A pod with a container that runs and one that has ended, and a pod that is not ready. */
function twoPods(): void {
  rooms.podRecords.push(podRecord({ id: id('a1') }), podRecord({ id: id('a2'), phase: 'stopped' }));
  rooms.containerRecords.push(
    containerRecord({ id: id('c1'), sandboxId: id('a1') }),
    containerRecord({ id: id('c2'), sandboxId: id('a1'), phase: 'exited' }),
    containerRecord({ id: id('c3'), sandboxId: id('a2') }),
  );
  rooms.metrics.set(id('a1'), [
    {
      name: 'container_network_receive_bytes_total',
      type: 'counter',
      labelValues: ['a', 'eth0'],
      value: 7n,
      timestamp: 5n,
    },
  ]);
  rooms.metrics.set(id('c1'), [
    { name: 'container_memory_rss', type: 'gauge', labelValues: ['c', ''], value: 2n ** 64n - 1n },
  ]);
  rooms.metrics.set(id('c3'), []);
}

test('ListMetricDescriptors: name, help and the keys of the labels', async () => {
  const { descriptors } = await answer<wire.ListMetricDescriptorsResponse>((done) =>
    connection.runtime.listMetricDescriptors({}, done),
  );
  expect(descriptors).toEqual([{ name: 'container_last_seen', help: 'help', labelKeys: ['id'] }]);
});

test('ListPodSandboxMetrics: pods that are ready, and their containers that have not ended', async () => {
  twoPods();
  expect((await list()).podMetrics).toEqual([
    {
      podSandboxId: id('a1'),
      metrics: [
        {
          name: 'container_network_receive_bytes_total',
          timestamp: 5n,
          metricType: wire.MetricType.COUNTER,
          labelValues: ['a', 'eth0'],
          value: { value: 7n },
        },
      ],
      containerMetrics: [
        {
          containerId: id('c1'),
          metrics: [
            {
              name: 'container_memory_rss',
              // Read for this call.
              timestamp: 0n,
              metricType: wire.MetricType.GAUGE,
              labelValues: ['c', ''],
              value: { value: 2n ** 64n - 1n },
            },
          ],
        },
      ],
    },
  ]);
});

test('StreamPodSandboxMetrics: the same in several messages', async () => {
  expect(await stream()).toEqual([]);
  twoPods();
  const messages = await stream();
  expect(messages.flatMap(({ podSandboxMetrics }) => podSandboxMetrics)).toEqual((await list()).podMetrics);
  const sample = { name: 'n', type: 'gauge', labelValues: ['x'.repeat(1024 * 1024)], value: 1n } as const;
  for (let pod = 0; pod < 20; pod++) {
    rooms.podRecords.push(podRecord({ id: id(`b${pod}f`) }));
    rooms.metrics.set(id(`b${pod}f`), [sample]);
  }
  const many = await stream();
  expect(many.length).toBeGreaterThan(2);
  expect(many.flatMap(({ podSandboxMetrics }) => podSandboxMetrics)).toHaveLength(21);
});
