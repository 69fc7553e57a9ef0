import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { Observations, type Observation, silentLog } from '../../src/base';
import { openState, type ContainerRecord, type State } from '../../src/state';

let root: string;
let state: State;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-state-'));
  state = await openState(root, silentLog());
});
afterEach(async () => {
  await state.close();
  await rm(root, { recursive: true });
});

const record: ContainerRecord = {
  v: 1,
  id: 'c1',
  sandboxId: 's1',
  phase: 'created',
  config: {
    metadata: { name: 'web', attempt: 0 },
    image: undefined,
    command: ['sh'],
    args: [],
    workingDir: '',
    envs: [{ key: 'K', value: Buffer.from([0xff, 0x00, 0x80]) }],
    mounts: [],
    devices: [],
    labels: { a: 'b' },
    annotations: {},
    logPath: 'web/0.log',
    stdin: false,
    stdinOnce: false,
    tty: false,
    linux: undefined,
    windows: undefined,
    CDIDevices: [],
    stopSignal: 0,
  },
  imageId: 'sha256:00',
  imageRef: 'sha256:00',
  logPath: '/var/log/pods/web/0.log',
  createdAt: 1_790_000_000_123_456_789n,
  startedAt: 0n,
  runtimePath: '/usr/sbin/runc',
  runtimeRoot: '/run/berth/runc',
  bootId: 'b',
  cgroupPath: '/kubepods/c1',
  user: { uid: 0, gid: 0, groups: [0] },
  stopSignal: 15,
  init: { pid: 42, startTime: 7n },
};

test('a record comes back whole after the state is opened again: int64, bytes, nested messages', async () => {
  await state.containers.put(record);
  await state.close();
  state = await openState(root, silentLog());
  expect(state.containers.get('c1')).toEqual(record);
  expect(state.containers.get('c1')?.config.envs[0]?.value).toEqual(Buffer.from([0xff, 0x00, 0x80]));
});

test('a write is visible when it is committed, and a delete of several is one', async () => {
  await state.containers.putAll([record, { ...record, id: 'c2' }]);
  expect([...state.containers.values()].map((each) => each.id)).toEqual(['c1', 'c2']);
  await state.containers.delete('c1', 'c2', 'never-there');
  expect([...state.containers.values()]).toEqual([]);
});

test('changes are told in their order, once they can be read', async () => {
  const told: string[] = [];
  using _ = state.containers.changes.subscribe(({ before, after }) => {
    const id = after?.id ?? before?.id ?? '';
    // What is told of is what a reader finds.
    expect(state.containers.get(id)).toEqual(after);
    told.push(`${id}: ${before?.phase} -> ${after?.phase}`);
  });
  await state.containers.put(record);
  await state.containers.putAll([
    { ...record, phase: 'exited' },
    { ...record, id: 'c2' },
  ]);
  await state.containers.delete('c1', 'never-there');
  const { phase } = record;
  expect(told).toEqual([
    `c1: undefined -> ${phase}`,
    `c1: ${phase} -> exited`,
    `c2: undefined -> ${phase}`,
    'c1: exited -> undefined',
  ]);
  await state.containers.delete('c2');
});

test('a record of a newer berth is refused with its kind, id and version', async () => {
  await state.close();
  const env = open<unknown, string>({ path: join(root, 'meta') });
  await env.openDB<unknown, string>({ name: 'containers' }).put('c9', { ...record, v: 2 });
  await env.close();
  await expect(openState(root, silentLog())).rejects.toThrow(/containers c9: version 2 was written by a newer berth/);
  const again = open<unknown, string>({ path: join(root, 'meta') });
  await again.openDB<unknown, string>({ name: 'containers' }).remove('c9');
  await again.close();
  state = await openState(root, silentLog());
});

test('flushed resolves once the commits before it are on the disk', async () => {
  await state.containers.put(record);
  await expect(state.flushed()).resolves.toBeUndefined();
});

describe('a record that cannot be read', () => {
  const image = { v: 1, id: 'sha256:1', repoTags: 'none' };
  /** Puts something into a table past its encoder. */
  async function plant(kind: string, id: string, value: unknown, encoding: 'binary' | 'msgpack'): Promise<void> {
    await state.close();
    const env = open<unknown, string>({ path: join(root, 'meta') });
    await env.openDB<unknown, string>({ name: kind, encoding }).put(id, value);
    await env.close();
  }

  test.each([
    ['of an image: no record at all', 'images', Buffer.from('c1ffee00', 'hex'), 'binary'],
    ['of an image: a number', 'images', 7, 'msgpack'],
    ['of an image: of the wrong shape', 'images', image, 'msgpack'],
    ['of a layer: without its digests', 'layers', { v: 1, chainId: 'sha256:1' }, 'msgpack'],
  ] as const)('%s: is set aside, and the others are there', async (_what, kind, value, encoding) => {
    await state.containers.put(record);
    await plant(kind, 'sha256:1', value, encoding);
    for (let start = 0; start < 2; start++) {
      state = await openState(root, silentLog());
      expect([...state[kind].values()]).toEqual([]);
      expect([...state.containers.values()]).toEqual([record]);
      expect(await readdir(join(root, 'damaged'))).toEqual([
        expect.stringMatching(new RegExp(`-${kind.slice(0, -1)}-sha256_1$`)),
      ]);
      if (start === 0) await state.close();
    }
  });

  test('of a container: is named, and keeps the state from being opened', async () => {
    await plant('containers', 'c1', 7, 'msgpack');
    await expect(openState(root, silentLog())).rejects.toMatchObject({
      code: 'state-corrupt',
      object: 'containers c1',
    });
    const env = open<unknown, string>({ path: join(root, 'meta') });
    await env.openDB<unknown, string>({ name: 'containers' }).remove('c1');
    await env.close();
    state = await openState(root, silentLog());
  });
});

test('writes are told with their table; those that are not committed are counted, and the file has a size', async () => {
  await state.close();
  const observations = new Observations();
  const told: Observation[] = [];
  using _ = observations.subscribe((observation) => told.push(observation));
  state = await openState(root, silentLog(), observations);
  const writes = [state.containers.put(record), state.containers.delete('none')];
  expect(state.writing()).toBe(2);
  await Promise.all(writes);
  expect(state.writing()).toBe(0);
  const common = { kind: 'state', table: 'containers', seconds: expect.any(Number) as number, failed: false };
  expect(told).toEqual([
    { ...common, operation: 'put' },
    { ...common, operation: 'delete' },
  ]);
  const { bytes, limit } = state.size();
  expect(bytes).toBeGreaterThan(0);
  expect(limit).toBeGreaterThan(bytes);
});
