import { ImageStore } from '../../src/image/store';
import { parseReference, type Reference, type ShortReference, textOf } from '../../src/image/reference';
import type { ImageRecord } from '../../src/state';
import { MapTable } from './support/room';

const hex = (digit: string) => digit.repeat(64);

function record(digit: string, repoTags: string[], repoDigests: string[] = []): ImageRecord {
  return {
    v: 1,
    id: `sha256:${hex(digit)}`,
    repoTags,
    repoDigests,
    manifestDigest: `sha256:${hex(digit)}`,
    layers: [],
    chainIds: [],
    size: 1n,
    config: { user: '', env: [], entrypoint: [], cmd: [], workingDir: '', volumes: [], stopSignal: '', labels: {} },
    pulledAt: 1n,
  };
}

function full(text: string): Reference {
  const reference = parseReference(text);
  if (reference.kind === 'short') throw new Error(`${text} is short`);
  return reference;
}

async function storeOf(...records: ImageRecord[]) {
  const table = new MapTable<ImageRecord>(({ id }) => id);
  await table.putAll(records);
  const candidates = (short: ShortReference) => [full(`a.example/${textOf(short)}`)];
  return { table, store: new ImageStore({ table, inUse: () => [], isWhole: () => true, candidates }) };
}

test('a short name is its candidate, else the only image of that name, else nothing', async () => {
  const localhost = record('1', ['localhost/app:latest']);
  const other = record('2', ['b.example/app:latest', 'b.example/x/tool:latest']);
  expect((await storeOf(localhost)).store.find('app')).toBe(localhost);
  expect((await storeOf(localhost, other)).store.find('app')).toBeUndefined();
  const meant = record('3', ['a.example/app:latest']);
  const { store } = await storeOf(localhost, other, meant);
  expect(store.find('app')).toBe(meant);
  expect(store.find('tool')).toBeUndefined();
  expect(store.find('x/tool')).toBe(other);
});

test('ids and their prefixes: at least 12 digits, of one image only', async () => {
  const one = record('1', []);
  const two = { ...record('1', []), id: `sha256:${'1'.repeat(20)}${'2'.repeat(44)}` };
  const { store } = await storeOf(one, two);
  expect(store.find(one.id)).toBe(one);
  expect(store.find(hex('1'))).toBe(one);
  expect(store.find('1'.repeat(21))).toBe(one);
  expect(store.find(`sha256:${'1'.repeat(20)}2`)).toBe(two);
  expect(store.find('1'.repeat(15))).toBeUndefined();
  for (const text of ['', ':', 'Not A Name', '1'.repeat(11)]) expect(store.find(text)).toBeUndefined();
});

test('the last name takes the image; a repository’s digests go with its last tag', async () => {
  const digest = `@sha256:${hex('1')}`;
  const image = record('1', ['a.b/c:1', 'a.b/c:2', 'd.e/f:1'], [`a.b/c${digest}`, `d.e/f${digest}`]);
  const { store, table } = await storeOf(image);
  expect(await store.remove('a.b/c:1')).toBe(false);
  expect(store.list()[0]).toMatchObject({ repoTags: ['a.b/c:2', 'd.e/f:1'], repoDigests: image.repoDigests });
  expect(await store.remove('a.b/c:2')).toBe(false);
  expect(store.list()[0]).toMatchObject({ repoTags: ['d.e/f:1'], repoDigests: [`d.e/f${digest}`] });
  expect(await store.remove('unknown.example/x')).toBe(false);
  expect(await store.remove('d.e/f:1')).toBe(true);
  expect(store.list()).toEqual([]);
  expect(table.map.size).toBe(0);
});

test('an image whose digest was removed, and then its tag moved on, has a name all the same', async () => {
  const digest = (digit: string) => `a.b/c@sha256:${hex(digit)}`;
  const { store } = await storeOf(record('1', ['a.b/c:1'], [digest('1')]));
  expect(await store.remove(digest('1'))).toBe(false);
  await store.add(record('2', ['a.b/c:1'], [digest('2')]));
  expect(store.find(digest('1'))).toMatchObject({ id: `sha256:${hex('1')}`, repoTags: [], repoDigests: [digest('1')] });
  expect(await store.remove(digest('1'))).toBe(true);
});

test('lists are snapshots: the same until something changes, and never changed', async () => {
  const { store } = await storeOf(record('1', ['a.b/c:1']));
  const before = store.list();
  expect(store.list()).toBe(before);
  await store.add(record('2', ['a.b/c:1', 'a.b/c:2']));
  expect(before).toHaveLength(1);
  expect(store.list().map(({ repoTags }) => repoTags)).toEqual([[], ['a.b/c:1', 'a.b/c:2']]);
});
