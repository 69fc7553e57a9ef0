import { silentLog } from '../../../src/base';
import { ProcessSamples } from '../../../src/observe/pod-metrics/process-samples';
import { container, processes } from './support';

beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));
afterEach(() => jest.useRealTimers());

const settled = () => new Promise((resolve) => setImmediate(resolve));

function samplesOf(count: () => Promise<typeof processes | undefined> = async () => processes) {
  const counted: string[] = [];
  const closing = new AbortController();
  const { init: _init, ...made } = container;
  const containers = [container, { ...made, id: 'made' }];
  const samples = new ProcessSamples(
    {
      count(path) {
        counted.push(path);
        return count();
      },
    },
    () => containers,
    silentLog(),
    closing.signal,
  );
  return { samples, counted, closing };
}

test('nobody waits, one sample serves for ten seconds, and nothing is counted while nobody asks', async () => {
  const { samples, counted } = samplesOf();
  expect(samples.of(container.id)).toBeUndefined();
  samples.of(container.id);
  await settled();
  expect(samples.of(container.id)).toMatchObject(processes);
  expect(samples.of('made')).toBeUndefined();
  expect(counted).toEqual([container.cgroupPath]);
  jest.advanceTimersByTime(11_000);
  expect(counted).toHaveLength(1);
  expect(samples.of(container.id)).toMatchObject(processes);
  await settled();
  expect(counted).toHaveLength(2);
});

test('what was counted more than a minute ago is not told', async () => {
  const { samples } = samplesOf();
  samples.of(container.id);
  await settled();
  jest.advanceTimersByTime(61_000);
  expect(samples.of(container.id)).toBeUndefined();
  await settled();
  expect(samples.of(container.id)).toMatchObject(processes);
});

test('a failure leaves what was counted before; a container that has gone has no sample', async () => {
  const answers = [async () => processes, () => Promise.reject(new Error('no')), async () => undefined];
  const { samples } = samplesOf(() => (answers.shift() ?? (async () => undefined))());
  samples.of(container.id);
  await settled();
  jest.advanceTimersByTime(11_000);
  samples.of(container.id);
  await settled();
  expect(samples.of(container.id)).toMatchObject(processes);
  jest.advanceTimersByTime(11_000);
  samples.of(container.id);
  await settled();
  expect(samples.of(container.id)).toBeUndefined();
});

test('nothing is counted once berthd stops', async () => {
  const { samples, counted, closing } = samplesOf();
  closing.abort();
  samples.of(container.id);
  await settled();
  expect(counted).toEqual([]);
});
