import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImagesOptions } from '../../src/image';
import type { ImageRecord } from '../../src/state';
import type { admin } from '../../src/wire';
import { buildImage, type BuiltImage } from '../support/image-builder';
import { FakeRegistry } from './support/fake-registry';
import { insecure, Room } from './support/room';

let registry: FakeRegistry;
let built: BuiltImage;
let other: BuiltImage;

beforeAll(async () => {
  const base = { 'bin/': '', 'bin/sh': 'shell' };
  built = await buildImage({ layers: [base, { 'etc/motd': 'one' }] });
  other = await buildImage({ layers: [base, { 'etc/motd': 'two' }] });
});
beforeEach(async () => {
  registry = await FakeRegistry.start();
  registry.serve('team/app', '1', built);
  registry.serve('team/other', '1', other);
});
afterEach(() => registry[Symbol.asyncDispose]());

const name = (repository = 'app') => `${registry.host}/team/${repository}:1`;

async function pulled(options: Partial<ImagesOptions> = {}): Promise<{ room: Room; image: ImageRecord }> {
  const room = await Room.open({ registries: insecure(registry.host), ...options });
  await room.images.pull(name('other'), undefined);
  const image = await room.images.pull(name(), undefined);
  registry.seen.length = 0;
  return { room, image };
}

interface Found {
  readonly problems: readonly (Partial<admin.CheckProblem> | undefined)[];
  readonly aside: readonly admin.CheckAside[];
  readonly summary: admin.CheckSummary | undefined;
}

async function check(room: Room, request: Partial<admin.CheckRequest> = {}): Promise<Found> {
  const events: admin.CheckEvent[] = [];
  for await (const event of room.images.check({ quick: false, repair: false, discard: false, ...request }))
    events.push(event);
  return {
    problems: events.flatMap(({ problem }) => problem ?? []),
    aside: events.flatMap(({ aside }) => aside ?? []),
    summary: events.at(-1)?.summary,
  };
}

const layerDir = (room: Room, chainId = '') => join(room.dir, 'root/layers', chainId.slice(7));
const blobFile = (room: Room, digest = '') => join(room.dir, 'root/blobs/sha256', digest.slice(7));
const whole = { problems: [], aside: [], summary: { images: 2, layers: 3 } };

test('images that are whole are whole, and no registry is asked', async () => {
  const { room } = await pulled();
  await using _room = room;
  expect(await check(room)).toEqual(whole);
  expect(await check(room, { quick: true })).toEqual(whole);
  expect(await check(room, { repair: true })).toEqual(whole);
  expect(registry.seen).toEqual([]);
});

test('a damaged layer of two images: who is concerned and what to do; repaired from its blob', async () => {
  let user: Partial<ImageRecord> = {};
  const users = () => [{ containerId: 'c1', imageId: user.id ?? '', createdAt: 1n, mounted: true }];
  const { room, image } = await pulled({ users });
  await using _room = room;
  user = image;
  truncateSync(join(layerDir(room, image.chainIds[0]), 'bin/sh'));
  const concerned = {
    kind: 'layer-damaged',
    object: image.chainIds[0],
    images: [name('other'), name()],
    containers: ['c1'],
  };
  expect((await check(room)).problems).toEqual([
    {
      ...concerned,
      outcome: 'found',
      detail: '1 path differs: bin/sh size is 0 instead of 5',
      remedy: '`berth check --repair` brings it back',
    },
  ]);
  const { problems, aside } = await check(room, { repair: true });
  expect(problems).toMatchObject([
    { ...concerned, outcome: 'repaired', remedy: 'containers that run have the old files until they are made anew' },
  ]);
  expect(registry.seen).toEqual([]);
  expect(aside).toMatchObject([{ discarded: false, containers: ['c1'] }]);

  // What a container may have mounted is not deleted under it.
  expect((await check(room, { discard: true })).aside).toMatchObject([{ discarded: false, containers: ['c1'] }]);
  user = {};
  expect((await check(room, { discard: true })).aside).toMatchObject([{ discarded: true, containers: [] }]);
  expect(await check(room)).toEqual(whole);
});

test('a damaged layer with a damaged blob is pulled again by digest, and nothing else is', async () => {
  const { room, image } = await pulled();
  await using _room = room;
  writeFileSync(blobFile(room, image.layers[1]), 'nonsense');
  truncateSync(join(layerDir(room, image.chainIds[1]), 'etc/motd'));
  // The tag has moved on: it is not what this image is.
  registry.serve('team/app', '1', other);
  expect((await check(room)).problems).toMatchObject([{ kind: 'blob-damaged', outcome: 'found' }]);
  expect((await check(room, { repair: true })).problems).toMatchObject([{ kind: 'blob-damaged', outcome: 'repaired' }]);
  expect(registry.count(/blobs\/sha256/)).toBe(2);
  expect(registry.count(new RegExp(`blobs/${image.layers[1]}`))).toBe(1);
  expect(readFileSync(join(layerDir(room, image.chainIds[1]), 'etc/motd'), 'utf8')).toBe('one');
  expect(await check(room, { discard: true })).toMatchObject({ problems: [] });
  expect(room.images.list().map(({ id }) => id)).toContain(image.id);
});

test('without the registry: what to do, and everything stays as it was', async () => {
  const { room, image } = await pulled();
  await using _room = room;
  rmSync(blobFile(room, image.layers[1]));
  rmSync(layerDir(room, image.chainIds[1]), { recursive: true });
  await registry[Symbol.asyncDispose]();
  const { problems } = await check(room, { repair: true });
  const remedy = `when the registry can be asked, \`berth check --repair\`; or \`berth rmi ${name()}\` and \`berth pull ${name()}\``;
  expect(problems).toMatchObject([
    { kind: 'layer-missing', outcome: 'failed', remedy },
    { kind: 'blob-missing', outcome: 'failed', remedy },
  ]);
  expect(problems[0]?.detail).toContain(`not repaired: pull: ${registry.host}/team/app@${built.manifest.digest}`);
  expect(readdirSync(join(room.dir, 'root/staging'))).toEqual([]);
  expect(room.layers.map.has(image.chainIds[1] ?? '')).toBe(true);
  registry = await FakeRegistry.start();
});

test.each(['manifest', 'config'] as const)('a damaged or missing %s is fetched again', async (which) => {
  const { room, image } = await pulled();
  await using _room = room;
  const { digest, bytes } = built[which];
  for (const [damage, kind] of [
    [() => writeFileSync(blobFile(room, digest), '{}'), 'document-damaged'],
    [() => rmSync(blobFile(room, digest)), 'document-missing'],
  ] as const) {
    damage();
    expect((await check(room, { quick: true })).problems).toMatchObject([{ kind, object: digest, images: [name()] }]);
    expect((await check(room, { repair: true })).problems).toMatchObject([{ kind, outcome: 'repaired' }]);
    expect(readFileSync(blobFile(room, digest))).toEqual(bytes);
    expect(await check(room)).toEqual(whole);
  }
  expect(room.images.find(image.id)).toMatchObject({ repoTags: image.repoTags });
});

describe('an image that lost a layer’s folder, at the next start', () => {
  async function lost(): Promise<{ room: Room; image: ImageRecord }> {
    const { room, image } = await pulled();
    rmSync(layerDir(room, image.chainIds[1]), { recursive: true });
    await room.storage.cleanStaging();
    await room.images.collect();
    return { room, image };
  }

  test('is not shown by any name, a pull brings back the one layer from its blob, and the others were not touched', async () => {
    const { room, image } = await lost();
    await using _room = room;
    expect(room.images.list().map(({ repoTags }) => repoTags)).toEqual([[name('other')]]);
    for (const text of [image.id, image.id.slice(7, 30), name(), image.repoDigests[0] ?? ''])
      expect(room.images.find(text)).toBeUndefined();
    expect(room.table.map.has(image.id)).toBe(true);

    await room.images.pull(name(), undefined);
    expect(registry.seen.filter(({ path }) => /blobs/.test(path)).map(({ path }) => path.split('/').pop())).toEqual([
      built.config.digest,
    ]);
    expect(room.images.find(image.id)).toMatchObject({ id: image.id, repoTags: [name()] });
    expect(await check(room)).toEqual(whole);
  });

  test('is named by a check, which makes the layer from its blob, without a registry', async () => {
    const { room, image } = await lost();
    await using _room = room;
    expect((await check(room)).problems).toMatchObject([
      {
        kind: 'image-incomplete',
        object: name(),
        outcome: 'found',
        remedy: expect.stringContaining(`berth pull ${name()}`) as string,
      },
    ]);
    expect((await check(room, { repair: true })).problems).toMatchObject([
      { kind: 'image-incomplete', outcome: 'repaired' },
    ]);
    expect(registry.seen).toEqual([]);
    expect(room.images.find(name())).toMatchObject({ id: image.id });
    expect(await check(room)).toEqual(whole);
  });

  test('can be removed by its name', async () => {
    const { room, image } = await lost();
    await using _room = room;
    await room.images.remove(name());
    expect(room.table.map.has(image.id)).toBe(false);
    expect(await check(room)).toEqual({ ...whole, summary: { images: 1, layers: 2 } });
  });
});

test('leftovers are told, and go with a repair; what a pull is about to need is none', async () => {
  const { room } = await pulled();
  await using _room = room;
  const left = blobFile(room, `sha256:${'e'.repeat(64)}`);
  writeFileSync(left, 'left');
  expect((await check(room)).problems).toMatchObject([{ kind: 'leftover', object: left, outcome: 'found' }]);
  expect((await check(room, { repair: true })).problems).toMatchObject([{ kind: 'leftover', outcome: 'repaired' }]);
  expect(await check(room)).toEqual(whole);
});
