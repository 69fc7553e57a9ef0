import { status } from '@grpc/grpc-js';
import * as wire from '../../src/wire';
import { answer, collect, connect, type Connection } from './support/connection';
import { id, imageId, imageRecord } from './support/records';
import { memoryRooms, type Rooms } from './support/rooms';

let rooms: Rooms;
let connection: Connection;
beforeEach(async () => {
  rooms = memoryRooms();
  rooms.imageRecords.push(
    imageRecord(),
    imageRecord({ id: `sha256:${id('aa')}`, repoTags: ['example.org/other:2'], repoDigests: [] }, '1003:group'),
  );
  connection = await connect(rooms);
});
afterEach(async () => connection[Symbol.asyncDispose]());

const spec = (image: string) => wire.ImageSpec.fromPartial({ image });
const nginx = {
  id: imageId,
  repoTags: ['example.org/nginx:1'],
  repoDigests: [`example.org/nginx@sha256:${id('d1')}`],
  size: 12_345n,
  uid: undefined,
  username: '',
  spec: { image: imageId, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: imageId },
  pinned: false,
};

describe('ImageStatus', () => {
  const call = (image: wire.ImageSpec | undefined, verbose = false) =>
    answer<wire.ImageStatusResponse>((done) => connection.image.imageStatus({ image, verbose }, done));

  test('by tag, by digest and by id: the same image', async () => {
    for (const name of ['example.org/nginx:1', `example.org/nginx@sha256:${id('d1')}`, imageId]) {
      expect(await call(spec(name))).toEqual({ image: nginx, info: {} });
    }
  });

  test('missing: a success without an image', async () => {
    expect(await call(spec('example.org/none:1'))).toEqual({ image: undefined, info: {} });
  });

  test('verbose: labels and configuration', async () => {
    const { info } = await call(spec(imageId), true);
    expect(JSON.parse(info['info'] ?? '')).toMatchObject({
      labels: { maintainer: 'nobody' },
      imageSpec: { config: { Entrypoint: ['/nginx'], Env: ['A=1'], StopSignal: 'SIGQUIT' } },
    });
  });

  test('annotations of the manifest, and whether it is pinned', async () => {
    const annotations = { 'org.opencontainers.image.source': 'https://example.org' };
    rooms.imageRecords[0] = imageRecord({ annotations, repoTags: ['example.org/pinned:1'] });
    const { image } = await call(spec(imageId));
    expect(image).toMatchObject({ pinned: true, spec: { image: imageId, annotations } });
  });

  test('an artifact: its type, and no user', async () => {
    const artifact = { type: 'application/vnd.example.model', configDigest: `sha256:${id('cf')}` };
    rooms.imageRecords[0] = imageRecord({ artifact });
    const { image, info } = await call(spec(imageId), true);
    expect(image).toMatchObject({ id: imageId, uid: undefined, username: '' });
    expect(JSON.parse(info['info'] ?? '')).toMatchObject({ artifactType: artifact.type });
  });

  test.each<[string, bigint | undefined, string]>([
    ['', undefined, ''],
    ['1002', 1002n, ''],
    ['0', 0n, ''],
    ['www-data', undefined, 'www-data'],
    ['1003:group', 1003n, ''],
    ['www-data:5', undefined, 'www-data'],
    ['99999999999999999999', undefined, '99999999999999999999'],
  ])('the user %j of an image', async (user, uid, username) => {
    rooms.imageRecords[0] = imageRecord({}, user);
    const { image } = await call(spec(imageId));
    expect(image?.uid?.value).toBe(uid);
    expect(image?.username).toBe(username);
  });

  test('without a name: INVALID_ARGUMENT', async () => {
    await expect(call(undefined)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'ImageStatus: image: is missing (correct the field and call again)',
    });
    await expect(call(spec(''))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'ImageStatus: image.image: is missing (correct the field and call again)',
    });
  });
});

describe('ListImages and StreamImages', () => {
  test.each<[string, wire.ImageFilter | undefined, string[]]>([
    ['none', undefined, [imageId, `sha256:${id('aa')}`]],
    ['an empty name', { image: spec('') }, [imageId, `sha256:${id('aa')}`]],
    ['a name', { image: spec('example.org/nginx:1') }, [imageId]],
    ['a name nobody has', { image: spec('example.org/none:1') }, []],
  ])('by filter: %s', async (_what, filter, expected) => {
    const { images } = await answer<wire.ListImagesResponse>((done) => connection.image.listImages({ filter }, done));
    expect(images.map((image) => image.id)).toEqual(expected);
    const chunks = await collect(connection.image.streamImages({ filter }));
    expect(chunks.flatMap((chunk) => chunk.images)).toEqual(images);
    if (expected.includes(imageId)) expect(images[0]).toEqual(nginx);
  });
});

test('StreamImages cuts by number and by bytes; nothing is no message', async () => {
  rooms.imageRecords.splice(0);
  expect(await collect(connection.image.streamImages({ filter: undefined }))).toEqual([]);
  const numbered = (number: number, size: number) =>
    imageRecord({ id: `sha256:${id(number.toString(16))}`, annotations: { a: 'x'.repeat(size) } });
  for (let number = 0; number < 3001; number++) rooms.imageRecords.push(numbered(number, 1));
  const lengths = async () =>
    (await collect(connection.image.streamImages({ filter: undefined }))).map((message) => message.images.length);
  expect(await lengths()).toEqual([3000, 1]);
  const third = 8 * 1024 * 1024 - 1000;
  rooms.imageRecords.splice(0, 3001, numbered(1, third / 2), numbered(2, third / 2), numbered(3, 9_000_000));
  rooms.imageRecords.push(numbered(4, 1));
  expect(await lengths()).toEqual([2, 1, 1]);
});

describe('PullImage', () => {
  const call = (image: wire.ImageSpec | undefined, auth?: wire.AuthConfig) =>
    answer<wire.PullImageResponse>((done) =>
      connection.image.pullImage({ image, auth, sandboxConfig: undefined }, done),
    );

  test('answers the id, which Image.id is, and passes credentials on', async () => {
    const auth = wire.AuthConfig.fromPartial({ username: 'u', password: 'p' });
    expect(await call(spec('example.org/nginx:1'), auth)).toEqual({ imageRef: imageId });
    expect(rooms.seen).toEqual([{ name: 'pull', args: ['example.org/nginx:1', auth] }]);
  });

  test('credentials without content are none', async () => {
    await call(spec('example.org/nginx:1'), wire.AuthConfig.fromPartial({}));
    expect(rooms.seen).toEqual([{ name: 'pull', args: ['example.org/nginx:1', undefined] }]);
  });

  test('without a name: INVALID_ARGUMENT', async () => {
    await expect(call(undefined)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(rooms.seen).toEqual([]);
  });
});

test('RemoveImage', async () => {
  expect(await answer((done) => connection.image.removeImage({ image: spec(imageId) }, done))).toEqual({});
  expect(rooms.seen).toEqual([{ name: 'removeImage', args: [imageId] }]);
  await expect(answer((done) => connection.image.removeImage({ image: undefined }, done))).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
  });
});

test('ImageFsInfo', async () => {
  const fsId = { mountpoint: '/var/lib/berth' };
  expect(await answer((done) => connection.image.imageFsInfo({}, done))).toEqual({
    imageFilesystems: [{ timestamp: 7n, fsId, usedBytes: { value: 1000n }, inodesUsed: { value: 10n } }],
    containerFilesystems: [{ timestamp: 8n, fsId, usedBytes: { value: 200n }, inodesUsed: { value: 2n } }],
  });
});
