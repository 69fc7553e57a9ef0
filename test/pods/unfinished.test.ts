import { silentLog } from '../../src/base';
import type { Table, SandboxRecord } from '../../src/state';
import { createUnfinished, pauseAfter } from '../../src/pods/unfinished';
import { until } from '../kernel/support';
import { PodSandboxConfig } from '../../src/wire';

const pod = (id: string, phase: SandboxRecord['phase'], attached = false): SandboxRecord => ({
  v: 1,
  id,
  phase,
  config: PodSandboxConfig.fromPartial({}),
  handler: 'runc',
  createdAt: 0n,
  bootId: 'b',
  cgroupParent: '/x',
  ownsCgroup: false,
  network: { attached, ips: [] },
});

/** Pods in memory whose ends fail, or hang, as the test says. */
function world(...records: SandboxRecord[]) {
  const pods = new Map(records.map((record) => [record.id, record]));
  const tried: string[] = [];
  const failing = new Set<string>();
  const hanging = new Set<string>();
  const time = { now: 0 };
  const table: Pick<Table<SandboxRecord>, 'get' | 'values'> = {
    get: (id) => pods.get(id),
    values: () => pods.values(),
  };
  const end = (verb: string) => async (id: string, signal?: AbortSignal) => {
    tried.push(`${verb} ${id}`);
    if (hanging.has(id)) {
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('given up'))));
    }
    if (failing.has(id)) throw new Error('not yet');
    pods.delete(id);
  };
  const ends = { finishStop: end('stop'), remove: end('remove'), beingMade: ({ id }: SandboxRecord) => id === 'young' };
  const unfinished = createUnfinished(table as Table<SandboxRecord>, ends, silentLog(), () => time.now);
  return { pods, tried, failing, hanging, time, unfinished };
}

test('what is not ended is tried, each by its phase, and nothing else', async () => {
  const { tried, unfinished } = world(
    pod('removed', 'removing'),
    pod('abandoned', 'creating'),
    pod('young', 'creating'),
    pod('held', 'stopped', true),
    pod('stopped', 'stopped'),
    pod('ready', 'ready', true),
  );
  await unfinished.retry();
  expect(tried.sort()).toEqual(['remove abandoned', 'remove removed', 'stop held']);
});

test('the pause grows from five seconds to five minutes, and each pod has its own', async () => {
  expect([1, 2, 3, 7, 100].map(pauseAfter)).toEqual([5_000, 10_000, 20_000, 300_000, 300_000]);
  const { tried, failing, time, unfinished, pods } = world(pod('bad', 'removing'));
  failing.add('bad');
  const at = async (ms: number) => {
    time.now = ms;
    const before = tried.length;
    unfinished.retryDue();
    await new Promise(setImmediate);
    return tried.slice(before);
  };
  expect(unfinished.failing()).toBe(0);
  expect(await at(0)).toEqual(['remove bad']);
  expect(unfinished.failing()).toBe(1);
  expect(await at(4_999)).toEqual([]);
  pods.set('other', pod('other', 'removing'));
  expect(await at(5_000)).toEqual(['remove bad', 'remove other']);
  expect(await at(14_999)).toEqual([]);
  failing.clear();
  expect(await at(15_000)).toEqual(['remove bad']);
  expect(pods.size).toBe(0);
  expect(unfinished.failing()).toBe(0);
});

test('a pod whose end hangs keeps no other waiting, is not tried twice at once, and is given up with its signal', async () => {
  const { tried, hanging, unfinished, pods } = world(pod('a', 'removing'), pod('b', 'removing'));
  hanging.add('a');
  const ending = new AbortController();
  unfinished.retryDue(ending.signal);
  await until('the other pod is gone', () => !pods.has('b'));
  unfinished.retryDue(ending.signal);
  const all = unfinished.retry(ending.signal);
  expect(tried).toEqual(['remove a', 'remove b']);
  ending.abort();
  await all;
});
