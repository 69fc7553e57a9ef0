import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { buildImage, type BuiltImage, buildTar } from '../../support/image-builder';
import { TestRegistry } from '../../support/registry';
import { Room } from '../support/room';

const run = promisify(execFile);

let registry: TestRegistry;
let image: BuiltImage;
let room: Room;

beforeAll(async () => {
  registry = await TestRegistry.start();
  image = await buildImage({
    layers: [
      { 'bin/': '', 'bin/sh': 'shell' },
      { 'etc/': '', 'etc/motd': 'one' },
    ],
    config: { Cmd: ['sh'] },
  });
  await registry.push('team/app', 'latest', image);
});
afterAll(() => registry[Symbol.asyncDispose]());
beforeEach(async () => void (room = await Room.open()));
afterEach(() => room[Symbol.asyncDispose]());

async function archive(target: string): Promise<string> {
  const path = join(room.dir, 'archive.tar');
  const source = `docker://${registry.host}/team/app:latest`;
  const policy = join(room.dir, 'policy.json');
  await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  await run('skopeo', ['--policy', policy, 'copy', '--src-tls-verify=false', source, target.replace('FILE', path)]);
  return path;
}

async function written(files: Record<string, string | Buffer>): Promise<string> {
  const path = join(room.dir, 'made.tar');
  await writeFile(path, await buildTar(files));
  return path;
}

test('a docker archive that skopeo made: names, layers and the same digests each time', async () => {
  const path = await archive('docker-archive:FILE:busybox:1.2');
  const [loaded, ...others] = await room.images.load(path);
  expect(others).toEqual([]);
  expect(loaded).toMatchObject({
    repoTags: ['docker.io/library/busybox:1.2'],
    config: { cmd: ['sh'] },
    chainIds: [image.layers[0]?.diffId, expect.stringMatching(/^sha256:/)],
  });
  expect(loaded?.repoDigests).toEqual([`docker.io/library/busybox@${loaded?.manifestDigest}`]);
  // Such archives have layers as they are unpacked.
  expect(loaded?.layers).toEqual(image.layers.map(({ diffId }) => diffId));
  const manifest = await room.storage.readBlob(loaded?.manifestDigest ?? '', 1 << 20);
  expect(JSON.parse(String(manifest))).toMatchObject({ config: { digest: loaded?.id } });
  for (const name of ['busybox:1.2', 'docker.io/busybox:1.2', loaded?.id ?? ''])
    expect(room.images.find(name)?.id).toBe(loaded?.id);

  await room.images.remove('busybox:1.2');
  expect(await room.remains()).toEqual([]);
  expect((await room.images.load(path))[0]?.manifestDigest).toBe(loaded?.manifestDigest);
});

test('an OCI archive that skopeo made keeps the registry’s digests; gzip around it does not matter', async () => {
  const path = await archive('oci-archive:FILE:images.example.com/team/app:v1');
  const [loaded] = await room.images.load(path);
  expect(loaded).toMatchObject({
    id: image.config.digest,
    manifestDigest: image.manifest.digest,
    repoTags: ['images.example.com/team/app:v1'],
    repoDigests: [`images.example.com/team/app@${image.manifest.digest}`],
    layers: image.layers.map(({ digest }) => digest),
  });
  await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
  expect((await room.images.load(`${path}.gz`))[0]?.id).toBe(loaded?.id);
  expect(room.images.list()).toHaveLength(1);
});

test('a loaded image is what its short name means, though a registry could be asked', async () => {
  await room.configure('unqualified-search-registries = ["a.example.com", "b.example.com"]');
  const [loaded] = await room.images.load(await archive('oci-archive:FILE:localhost/app:v1'));
  expect((await room.images.pull('app:v1', undefined)).id).toBe(loaded?.id);
});

test('an archive without names is found by its id', async () => {
  const [loaded] = await room.images.load(await archive('oci-archive:FILE'));
  expect(loaded).toMatchObject({ repoTags: [], repoDigests: [] });
  expect(room.images.find(loaded?.id ?? '')).toBe(loaded);
  await room.images.remove(loaded?.id ?? '');
  expect(await room.remains()).toEqual([]);
});

test('layers that are links to others’, as old docker wrote them', async () => {
  const config = image.config;
  const [base, top] = image.layers.map(({ bytes }) => gunzipSync(bytes));
  const tar = pack();
  tar.entry({ name: 'a/layer.tar' }, base ?? '');
  tar.entry({ name: 'b/layer.tar', type: 'symlink', linkname: '../a/layer.tar' });
  tar.entry({ name: 'c/layer.tar' }, top ?? '');
  tar.entry({ name: `${config.digest.slice(7)}.json` }, config.bytes);
  const manifest = [
    { Config: `${config.digest.slice(7)}.json`, RepoTags: null, Layers: ['b/layer.tar', './c/layer.tar'] },
  ];
  tar.entry({ name: 'manifest.json' }, JSON.stringify(manifest));
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk as Uint8Array);
  const path = join(room.dir, 'links.tar');
  await writeFile(path, Buffer.concat(chunks));
  expect((await room.images.load(path))[0]).toMatchObject({ id: config.digest, repoTags: [] });
});

describe('what is wrong is refused and leaves nothing', () => {
  const refused = async (path: string, code: string, words: string | RegExp) => {
    await expect(room.images.load(path)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(words) as string,
    });
    expect(await room.remains()).toEqual([]);
  };

  test('files that are not there, no archive, empty, cut off, of another kind', async () => {
    await refused(join(room.dir, 'nope.tar'), 'path-not-found', 'nope.tar');
    const path = join(room.dir, 'bad.tar');
    await writeFile(path, 'this is no archive '.repeat(100));
    await refused(path, 'image-archive-invalid', 'bad.tar');
    await writeFile(path, '');
    await refused(path, 'image-archive-invalid', 'neither manifest.json');
    await writeFile(path, Buffer.from('28b52ffd00000000', 'hex'));
    await refused(path, 'image-archive-invalid', 'zstd');
    await refused(await written({ 'etc/passwd': 'x' }), 'image-archive-invalid', 'neither manifest.json');
    const whole = await buildTar({ 'manifest.json': '[]', filler: Buffer.alloc(100_000) });
    await writeFile(path, whole.subarray(0, 50_000));
    await refused(path, 'image-archive-invalid', 'bad.tar');
  });

  test('documents that do not fit', async () => {
    await refused(await written({ 'manifest.json': '{}' }), 'image-archive-invalid', 'manifest.json');
    await refused(await written({ 'manifest.json': 'x' }), 'image-archive-invalid', 'not JSON');
    await refused(await written({ 'manifest.json': '[]' }), 'image-archive-invalid', 'no image');
    const listed = JSON.stringify([{ Config: 'c.json', Layers: ['../../etc/passwd'] }]);
    await refused(await written({ 'manifest.json': listed }), 'image-archive-invalid', 'has no "c.json"');
    await refused(
      await written({ 'manifest.json': listed, 'c.json': '{}' }),
      'image-archive-invalid',
      'outside the archive',
    );
    await refused(
      await written({ '../evil': 'x', 'manifest.json': '[]' }),
      'image-archive-invalid',
      'outside the archive',
    );
    const config = `${'0'.repeat(64)}.json`;
    const misnamed = { 'manifest.json': JSON.stringify([{ Config: config, Layers: [] }]), [config]: '{}' };
    await refused(await written(misnamed), 'digest-mismatch', `sha256:${'0'.repeat(64)}`);
    await refused(
      await written({ 'oci-layout': '{}', 'index.json': '{"schemaVersion":2,"manifests":[]}' }),
      'image-archive-invalid',
      'no image',
    );
  });

  test('an altered layer, with both digests', async () => {
    const files: Record<string, Buffer | string> = {
      'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
      'index.json': JSON.stringify({
        schemaVersion: 2,
        manifests: [
          {
            mediaType: 'application/vnd.oci.image.manifest.v1+json',
            digest: image.manifest.digest,
            size: image.manifest.bytes.length,
          },
        ],
      }),
    };
    for (const { digest, bytes } of [image.manifest, image.config, ...image.layers])
      files[`blobs/${digest.replace(':', '/')}`] = bytes;
    const layer = image.layers[1];
    const altered = Buffer.from(layer?.bytes ?? '');
    altered.writeUInt8(altered.readUInt8(20) ^ 1, 20);
    files[`blobs/sha256/${layer?.digest.slice(7)}`] = altered;
    await refused(await written(files), 'digest-mismatch', `${layer?.digest}`);
    files[`blobs/sha256/${image.config.digest.slice(7)}`] = '{}';
    await refused(await written(files), 'digest-mismatch', image.config.digest);
  });
});

test('a caller that gives up ends a load, and nothing is left', async () => {
  const path = await archive('oci-archive:FILE:localhost/app:v1');
  await expect(room.images.load(path, AbortSignal.timeout(1))).rejects.toMatchObject({ code: 'deadline-exceeded' });
  await expect(room.images.load(path, AbortSignal.abort())).rejects.toMatchObject({ code: 'call-cancelled' });
  expect(await room.remains()).toEqual([]);
});
