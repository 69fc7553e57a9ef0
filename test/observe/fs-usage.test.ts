import { silentLog } from '../../src/base';
import { watchFsUsage } from '../../src/observe';
import type { DiskUsage, Storage, UsageWalk } from '../../src/storage';

type Walked = ReadonlyMap<string, DiskUsage>;

/** A storage of which only the usage is asked; walks end when the test says so. */
function storageWithWalks() {
  const walks: { readonly how: UsageWalk; readonly end: (usage: Walked) => void }[] = [];
  const storage: Pick<Storage, 'imageUsage' | 'containerUsage'> = {
    imageUsage: () => ({ bytes: 5n, inodes: 1n }),
    containerUsage: (how = {}) => new Promise<Walked>((end) => walks.push({ how, end })),
  };
  return { storage, walks };
}

beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));
afterEach(() => jest.useRealTimers());

const one: Walked = new Map([
  ['a', { bytes: 1n, inodes: 1n }],
  ['b', { bytes: 2n, inodes: 3n }],
]);

async function started(endedAt: (id: string) => bigint | undefined = () => undefined) {
  const { storage, walks } = storageWithWalks();
  const closing = new AbortController();
  const opening = watchFsUsage({ storage, endedAt, log: silentLog(), closing: closing.signal });
  walks[0]?.end(one);
  return { watch: await opening, walks, closing };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('images are exact, containers as the sample found them', async () => {
  const { watch } = await started();
  expect(watch.images()).toMatchObject({ bytes: 5n, inodes: 1n });
  expect(watch.containers()).toMatchObject({ bytes: 3n, inodes: 4n });
  expect(watch.containers().timestamp).toBeGreaterThan(0n);
  expect(watch.writableLayer('b')).toMatchObject({ bytes: 2n, inodes: 3n });
  expect(watch.writableLayer('b')?.timestamp).toBeGreaterThan(0n);
  expect(watch.writableLayer('unknown')).toBeUndefined();
});

test('a read never waits for a walk, an old sample starts one, and only one at a time', async () => {
  const { watch, walks } = await started();
  watch.containers();
  expect(walks).toHaveLength(1);
  jest.advanceTimersByTime(11_000);
  expect(watch.writableLayer('a')).toMatchObject({ bytes: 1n });
  watch.containers();
  expect(walks).toHaveLength(2);
  walks[1]?.end(new Map([['a', { bytes: 9n, inodes: 2n }]]));
  await settled();
  expect(watch.containers()).toMatchObject({ bytes: 9n, inodes: 2n });
  expect(watch.writableLayer('b')).toBeUndefined();
});

test('what was counted after a container had ended is not counted again', async () => {
  const ended = new Map([['a', 1n]]);
  const { watch, walks } = await started((id) => ended.get(id));
  jest.advanceTimersByTime(11_000);
  watch.containers();
  expect(['a', 'b'].map((id) => walks[1]?.how.skip?.(id))).toEqual([true, false]);
  walks[1]?.end(new Map([['b', { bytes: 7n, inodes: 1n }]]));
  await settled();
  expect(watch.containers()).toMatchObject({ bytes: 8n, inodes: 2n });
  // It is removed: its record is gone, and its folder.
  ended.clear();
  jest.advanceTimersByTime(11_000);
  watch.containers();
  walks[2]?.end(new Map());
  await settled();
  expect(watch.containers()).toMatchObject({ bytes: 0n, inodes: 0n });
});

test('nothing is walked once berthd stops', async () => {
  const { watch, walks, closing } = await started();
  closing.abort();
  jest.advanceTimersByTime(11_000);
  watch.containers();
  expect(walks).toHaveLength(1);
});
