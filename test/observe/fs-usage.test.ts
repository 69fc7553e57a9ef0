import { silentLog } from '../../src/base';
import { watchFsUsage } from '../../src/observe';
import type { DiskUsage, Storage } from '../../src/storage';

/** A storage of which only the usage is asked; walks end when the test says so. */
function storageWithWalks() {
  const walks: ((usage: DiskUsage) => void)[] = [];
  const containerUsage = () => new Promise<DiskUsage>((resolve) => walks.push(resolve));
  const usage: Pick<Storage, 'imageUsage' | 'containerUsage'> = {
    imageUsage: () => ({ bytes: 5n, inodes: 1n }),
    containerUsage,
  };
  // The watch asks for nothing else.
  return { storage: usage as Storage, walks };
}

beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));
afterEach(() => jest.useRealTimers());

async function started() {
  const { storage, walks } = storageWithWalks();
  const closing = new AbortController();
  const opening = watchFsUsage(storage, silentLog(), closing.signal);
  walks[0]?.({ bytes: 1n, inodes: 1n });
  return { watch: await opening, walks, closing };
}

test('images are exact, containers as the sample found them', async () => {
  const { watch } = await started();
  expect(watch.images()).toMatchObject({ bytes: 5n, inodes: 1n });
  expect(watch.containers()).toMatchObject({ bytes: 1n, inodes: 1n });
  expect(watch.containers().timestamp).toBeGreaterThan(0n);
});

test('a read never waits for a walk, an old sample starts one, and only one at a time', async () => {
  const { watch, walks } = await started();
  watch.containers();
  expect(walks).toHaveLength(1);
  jest.advanceTimersByTime(11_000);
  expect(watch.containers()).toMatchObject({ bytes: 1n });
  watch.containers();
  expect(walks).toHaveLength(2);
  walks[1]?.({ bytes: 9n, inodes: 2n });
  await new Promise((resolve) => setImmediate(resolve));
  expect(watch.containers()).toMatchObject({ bytes: 9n, inodes: 2n });
});

test('nothing is walked once berthd stops', async () => {
  const { watch, walks, closing } = await started();
  closing.abort();
  jest.advanceTimersByTime(11_000);
  watch.containers();
  expect(walks).toHaveLength(1);
});
