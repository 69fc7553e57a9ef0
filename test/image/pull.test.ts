import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildImage, buildIndex, type BuiltImage, hostArchitecture } from '../support/image-builder';
import { TestRegistry } from '../support/registry';
import { criAuth, insecure, Room } from './support/room';

let registry: TestRegistry;
let first: BuiltImage;
let second: BuiltImage;

beforeAll(async () => {
  registry = await TestRegistry.start();
  first = await buildImage({
    layers: [
      { 'bin/': '', 'bin/sh': 'shell' },
      { 'etc/': '', 'etc/motd': 'one' },
    ],
    config: { Entrypoint: ['/bin/sh'], Env: ['A=b'], User: '7:8', Labels: { l: 'v' }, Volumes: { '/data': {} } },
  });
  second = await buildImage({
    layers: [
      { 'bin/': '', 'bin/sh': 'shell' },
      { 'etc/': '', 'etc/motd': 'two' },
    ],
    docker: true,
  });
  await registry.push('team/app', 'latest', first);
  await registry.push('team/app', 'v2', second);
});

afterAll(() => registry[Symbol.asyncDispose]());

test('a pull by tag keeps layers, documents and record, and names the tag with latest added', async () => {
  await using room = await Room.open({ registries: insecure(registry.host) });
  const name = `${registry.host}/team/app`;
  const image = await room.images.pull(name, undefined);

  expect(image).toMatchObject({
    v: 1,
    id: first.config.digest,
    repoTags: [`${name}:latest`],
    repoDigests: [`${name}@${first.manifest.digest}`],
    manifestDigest: first.manifest.digest,
    layers: first.layers.map(({ digest }) => digest),
    config: { entrypoint: ['/bin/sh'], env: ['A=b'], user: '7:8', labels: { l: 'v' }, volumes: ['/data'], cmd: [] },
  });
  const bytes = [first.config, ...first.layers].reduce((sum, blob) => sum + blob.bytes.length, 0);
  expect(image.size).toBe(BigInt(bytes));
  expect(image.chainIds).toHaveLength(2);
  expect(image.chainIds[0]).toBe(first.layers[0]?.diffId);
  for (const chainId of image.chainIds) expect(room.layers.map.has(chainId)).toBe(true);
  expect(await room.storage.readBlob(first.manifest.digest, 1 << 20)).toEqual(first.manifest.bytes);
  expect(await room.storage.readBlob(first.config.digest, 1 << 20)).toEqual(first.config.bytes);
  const top = join(room.dir, 'root/layers', (image.chainIds[1] ?? '').replace('sha256:', ''));
  expect(readdirSync(top)).toEqual(['etc']);
  for (const text of [
    image.id,
    image.id.slice(7),
    image.id.slice(7, 19),
    name,
    `${name}:latest`,
    `${name}@${first.manifest.digest}`,
  ]) {
    expect(room.images.find(text)?.id).toBe(image.id);
  }
  expect(room.images.find(`${name}:other`)).toBeUndefined();
  expect(room.images.find(image.id.slice(7, 18))).toBeUndefined();
});

test('a pull by digest has no tag and exactly the reference as digest, whatever tag stood beside it', async () => {
  await using room = await Room.open({ registries: insecure(registry.host) });
  const name = `${registry.host}/team/app@${second.manifest.digest}`;
  const image = await room.images.pull(`${registry.host}/team/app:v9@${second.manifest.digest}`, undefined);
  expect(image).toMatchObject({ repoTags: [], repoDigests: [name], id: second.config.digest });

  await room.images.pull(`${registry.host}/team/app:v2`, undefined);
  expect(room.images.list()).toHaveLength(1);
  expect(room.images.find(name)).toMatchObject({ repoTags: [`${registry.host}/team/app:v2`], repoDigests: [name] });
});

test('an index gives the platform’s image, and both digests', async () => {
  const other = await buildImage({ layers: [{ x: 'other' }], architecture: 's390x' });
  const index = buildIndex([
    { image: other, architecture: 's390x' },
    { image: first, architecture: hostArchitecture },
  ]);
  await registry.push('team/multi', 's390x', other);
  await registry.push('team/multi', 'host', first);
  await registry.pushManifest('team/multi', 'all', index);
  await using room = await Room.open({ registries: insecure(registry.host) });
  const name = `${registry.host}/team/multi`;
  const image = await room.images.pull(`${name}:all`, undefined);
  expect(image.id).toBe(first.config.digest);
  expect(image.repoDigests).toEqual([`${name}@${index.digest}`, `${name}@${first.manifest.digest}`]);
  expect(await room.storage.readBlob(index.digest, 1 << 20)).toEqual(index.bytes);

  // A single image for another machine, and an index that has nothing for this one.
  await expect(room.images.pull(`${name}:s390x`, undefined)).rejects.toMatchObject({ code: 'image-platform' });
  await registry.pushManifest('team/multi', 'foreign', buildIndex([{ image: other, architecture: 's390x' }]));
  await expect(room.images.pull(`${name}:foreign`, undefined)).rejects.toMatchObject({
    code: 'image-platform',
    message: expect.stringMatching(/nothing for linux.*linux\/s390x/) as string,
  });
});

test('a tag that points elsewhere now leaves the older image without it', async () => {
  await registry.push('team/moving', 'latest', first);
  await using room = await Room.open({ registries: insecure(registry.host) });
  const name = `${registry.host}/team/moving:latest`;
  await room.images.pull(name, undefined);
  await registry.push('team/moving', 'latest', second);
  await room.images.pull(name, undefined);
  expect(room.images.find(name)?.id).toBe(second.config.digest);
  expect(room.images.find(first.config.digest)).toMatchObject({
    repoTags: [],
    repoDigests: [`${registry.host}/team/moving@${first.manifest.digest}`],
  });
});

test('equal pulls are one job, which outlives the caller that gives up', async () => {
  await using room = await Room.open({ registries: insecure(registry.host) });
  const name = `${registry.host}/team/app:v2`;
  const late = room.images.pull(name, undefined, AbortSignal.timeout(1));
  const patient = room.images.pull(name, undefined);
  await expect(late).rejects.toMatchObject({
    code: 'deadline-exceeded',
    message: expect.stringContaining(name) as string,
  });
  expect((await patient).id).toBe(second.config.digest);
});

test('what was there is not fetched again, and removal collects what no image needs', async () => {
  await using room = await Room.open({ registries: insecure(registry.host) });
  const name = `${registry.host}/team/app`;
  await room.images.pull(name, undefined);
  await room.images.pull(`${name}:v2`, undefined);
  // The base layer is one for both.
  expect(room.layers.map.size).toBe(3);

  await room.images.remove(`${name}:latest`);
  expect(room.images.list().map(({ id }) => id)).toEqual([second.config.digest]);
  expect(room.layers.map.size).toBe(2);
  await room.images.remove(`${name}:latest`);
  await room.images.remove(second.config.digest);
  expect(await room.remains()).toEqual([]);
});

test('an image that a container uses is not removed', async () => {
  const used: string[] = [];
  await using room = await Room.open({ registries: insecure(registry.host), inUse: () => used });
  const image = await room.images.pull(`${registry.host}/team/app`, undefined);
  used.push(image.id);
  await expect(room.images.remove(image.id)).rejects.toMatchObject({ code: 'image-in-use' });
  await expect(room.images.remove(`${registry.host}/team/app`)).rejects.toMatchObject({ code: 'image-in-use' });
  expect(room.images.find(image.id)).toBe(image);
  used.pop();
  await room.images.remove(image.id);
  expect(await room.remains()).toEqual([]);
});

test('an image is pinned by its names of now; whoever asks for its removal gets it', async () => {
  await using room = await Room.open({
    registries: insecure(registry.host),
    pinnedImages: [`${registry.host}/team/a*`],
  });
  await registry.push('team/other', 'latest', first);
  const name = `${registry.host}/team/app`;
  const image = await room.images.pull(`${registry.host}/team/other`, undefined);
  expect(room.images.pinned(image)).toBe(false);
  const named = await room.images.pull(name, undefined);
  expect(named.id).toBe(image.id);
  expect(room.images.pinned(named)).toBe(true);
  await room.images.remove(name);
  expect(room.images.list().map(room.images.pinned)).toEqual([false]);
  expect(room.images.pinned(await room.images.pull(name, undefined))).toBe(true);
  await room.images.remove(image.id);
  expect(await room.remains()).toEqual([]);
});

test('an unknown tag and an unknown repository are manifest-not-found and leave nothing', async () => {
  await using room = await Room.open({ registries: insecure(registry.host) });
  for (const name of [`${registry.host}/team/app:nope`, `${registry.host}/team/nope`]) {
    await expect(room.images.pull(name, undefined)).rejects.toMatchObject({
      code: 'manifest-not-found',
      message: expect.stringContaining(name) as string,
    });
  }
  expect(await room.remains()).toEqual([]);
});

test('a search registry serves a short name; two of them need a choice', async () => {
  await using room = await Room.open({
    registries: `unqualified-search-registries = ["${registry.host}/team"]\n${insecure(registry.host)}`,
  });
  const image = await room.images.pull('app:v2', undefined);
  expect(image.repoTags).toEqual([`${registry.host}/team/app:v2`]);
  expect(room.images.find('app:v2')?.id).toBe(image.id);

  await room.configure(
    `unqualified-search-registries = ["a.example.com", "b.example.com"]\n[aliases]\n"mine" = "${registry.host}/team/app"\n${insecure(registry.host)}`,
  );
  await expect(room.images.pull('other', undefined)).rejects.toMatchObject({
    code: 'image-short-name',
    message: expect.stringContaining('a.example.com/other:latest or b.example.com/other:latest') as string,
  });
  expect((await room.images.pull('mine', undefined)).id).toBe(first.config.digest);
  expect(room.images.find('mine')?.id).toBe(first.config.digest);
  // What is local wins over registries that would have to be guessed among, and is not asked for.
  expect((await room.images.pull('team/app:v2', undefined)).id).toBe(image.id);
});

describe('basic authentication', () => {
  let guarded: TestRegistry;
  beforeAll(async () => {
    guarded = await TestRegistry.start('basic');
    await guarded.push('team/app', 'latest', first);
  });
  afterAll(() => guarded[Symbol.asyncDispose]());

  test('CRI’s user and password, its base64, or an auth file', async () => {
    await using room = await Room.open({ registries: insecure(guarded.host) });
    const name = `${guarded.host}/team/app`;
    const { username, password } = guarded;
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    for (const credentials of [
      criAuth({ username, password }),
      criAuth({ auth }),
      criAuth({ auth, serverAddress: guarded.host }),
    ]) {
      expect((await room.images.pull(name, credentials)).id).toBe(first.config.digest);
      await room.images.remove(name);
    }
    await room.authFile({ [`${guarded.host}/team`]: { auth }, [guarded.host]: { auth: 'd3Jvbmc6d3Jvbmc=' } });
    expect((await room.images.pull(name, undefined)).id).toBe(first.config.digest);
  });

  test('none, wrong ones and those of another server are registry-denied, without the password in it', async () => {
    await using room = await Room.open({ registries: insecure(guarded.host) });
    const name = `${guarded.host}/team/app`;
    const { username, password } = guarded;
    for (const credentials of [
      undefined,
      criAuth({ username, password: 'wrong-secret' }),
      criAuth({ username, password, serverAddress: 'other.example.com' }),
    ]) {
      const error: unknown = await room.images.pull(name, credentials).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'registry-denied' });
      expect(String(error)).toContain(guarded.host);
      expect(String(error)).not.toMatch(/wrong-secret|correct horse/);
    }
    expect(await room.remains()).toEqual([]);
  });
});

describe('token authentication', () => {
  let guarded: TestRegistry;
  beforeAll(async () => {
    guarded = await TestRegistry.start('token');
    await guarded.push('team/app', 'latest', first);
  });
  afterAll(() => guarded[Symbol.asyncDispose]());

  test('a password or an identity token is changed for one token, whatever the number of layers', async () => {
    await using room = await Room.open({ registries: insecure(guarded.host) });
    const name = `${guarded.host}/team/app`;
    const { username, password, identityToken, tokens } = guarded;
    for (const [method, credentials] of [
      ['GET', criAuth({ username, password })],
      ['POST', criAuth({ identityToken })],
    ] as const) {
      tokens?.calls.splice(0);
      expect((await room.images.pull(name, credentials)).id).toBe(first.config.digest);
      expect(tokens?.calls).toEqual([{ method, scope: 'repository:team/app:pull', authorized: true }]);
      await room.images.remove(name);
    }
    const registryToken = tokens?.mint('team/app', ['pull']) ?? '';
    tokens?.calls.splice(0);
    expect((await room.images.pull(name, criAuth({ registryToken }))).id).toBe(first.config.digest);
    expect(tokens?.calls).toEqual([]);
  });

  test('bad credentials stop at the token server', async () => {
    await using room = await Room.open({ registries: insecure(guarded.host) });
    guarded.tokens?.calls.splice(0);
    const credentials = criAuth({ username: guarded.username, password: 'wrong-secret' });
    await expect(room.images.pull(`${guarded.host}/team/app`, credentials)).rejects.toMatchObject({
      code: 'registry-denied',
      message: expect.stringContaining('bad credentials') as string,
    });
    expect(guarded.tokens?.calls).toHaveLength(1);
    expect(await room.remains()).toEqual([]);
  });
});
