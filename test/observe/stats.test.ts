import { silentLog } from '../../src/base';
import { FakeKernel, type CgroupMeter, type CgroupUsage } from '../../src/kernel';
import { watchStats } from '../../src/observe';
import { containerRecord, podRecord } from '../cri/support/records';

beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'hrtime'] }));
afterEach(() => jest.useRealTimers());

function watched() {
  const cpu = new Map<string, bigint>();
  const read = (path: string): CgroupUsage | undefined => {
    const cpuNs = cpu.get(path);
    return cpuNs === undefined ? undefined : { timestamp: 1n, cpuNs };
  };
  const asked: string[] = [];
  const meter: CgroupMeter = {
    read,
    cpuNs(path) {
      asked.push(path);
      return cpu.get(path);
    },
    tasks: () => 4n,
  };
  const pods = [
    podRecord({ id: 'p', cgroupParent: '/p' }),
    podRecord({ id: 'q', phase: 'stopped', cgroupParent: '/q' }),
  ];
  const containers = [
    containerRecord({ id: 'c', cgroupPath: '/p/c' }),
    containerRecord({ id: 'd', cgroupPath: '/p/d', phase: 'exited' }),
  ];
  const closing = new AbortController();
  const layer = { timestamp: 2n, bytes: 3n, inodes: 4n };
  const stats = watchStats({
    meter,
    kernel: new FakeKernel(),
    pods: { list: () => pods },
    containers: { list: () => containers },
    fsUsage: { writableLayer: (id) => (id === 'd' ? layer : undefined) },
    log: silentLog(),
    closing: closing.signal,
  });
  return { stats, cpu, asked, pods, containers, closing, layer };
}

test('what runs has usage, what has ended only its layer', () => {
  const { stats, cpu, pods, containers, layer } = watched();
  cpu.set('/p', 7n).set('/q', 7n).set('/p/c', 5n).set('/p/d', 5n);
  expect(containers.map((one) => stats.container(one))).toEqual([
    { usage: { timestamp: 1n, cpuNs: 5n } },
    { writableLayer: layer },
  ]);
  expect(pods.map((one) => stats.pod(one))).toEqual([{ usage: { timestamp: 1n, cpuNs: 7n }, tasks: 4n }, {}]);
});

test('a container whose cgroup has just gone has no usage', () => {
  const { stats, containers } = watched();
  expect(containers.map((one) => stats.container(one))[0]).toEqual({});
});

test('the background looks at what runs every ten seconds, until berthd stops', () => {
  const { asked, closing } = watched();
  jest.advanceTimersByTime(9_999);
  expect(asked).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(asked.sort()).toEqual(['/p', '/p/c']);
  closing.abort();
  jest.advanceTimersByTime(60_000);
  expect(asked).toHaveLength(2);
});
