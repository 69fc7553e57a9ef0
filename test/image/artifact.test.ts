import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactChainId } from '../../src/storage';
import { type Blob, buildArtifact, buildImage, buildTar, hostArchitecture, jsonBlob } from '../support/image-builder';
import { TestRegistry } from '../support/registry';
import { insecure, Room } from './support/room';

let registry: TestRegistry;
beforeAll(async () => void (registry = await TestRegistry.start()));
afterAll(() => registry[Symbol.asyncDispose]());

const open = () => Room.open({ registries: insecure(registry.host) });
const layerDir = (room: Room, chainId: string) => join(room.dir, 'root/layers', chainId.slice(7));
const weights = Buffer.alloc(3 * 1024 * 1024, 'weights ');

const entry = ({ digest, bytes }: Blob, more: object = {}) => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest,
  size: bytes.length,
  ...more,
});
const indexOf = (...manifests: object[]) =>
  jsonBlob({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests });

test('an artifact is pulled, found by every name and removed like an image; its id is its manifest’s digest', async () => {
  const annotations = { 'org.opencontainers.image.created': '2026-01-01T00:00:00Z' };
  const artifact = buildArtifact([{ title: 'model/weights.bin', bytes: weights }, { bytes: Buffer.from('untitled') }], {
    artifactType: 'application/vnd.example.model',
    annotations,
  });
  await registry.push('models/tiny', 'v1', artifact);
  await using room = await open();
  const name = `${registry.host}/models/tiny`;
  const image = await room.images.pull(`${name}:v1`, undefined);

  const id = artifact.manifest.digest;
  expect(image).toMatchObject({
    id,
    manifestDigest: id,
    repoTags: [`${name}:v1`],
    repoDigests: [`${name}@${id}`],
    layers: artifact.layers.map(({ digest }) => digest),
    chainIds: [artifactChainId(id)],
    size: BigInt(weights.length + 8 + 2),
    artifact: { type: 'application/vnd.example.model', configDigest: artifact.config.digest },
    annotations,
    config: { user: '', entrypoint: [], labels: {} },
  });
  const dir = layerDir(room, artifactChainId(id));
  expect(readFileSync(join(dir, 'model/weights.bin')).equals(weights)).toBe(true);
  expect(readdirSync(dir).sort()).toEqual([artifact.layers[1]?.digest.slice(7), 'model'].sort());
  for (const text of [id, id.slice(7), id.slice(7, 19), `${name}:v1`, `${name}@${id}`])
    expect(room.images.find(text)).toBe(image);
  for (const { digest } of [artifact.manifest, artifact.config])
    expect(await room.storage.readBlob(digest, 1 << 20)).toBeDefined();

  await room.images.collect();
  expect(readdirSync(dir)).toHaveLength(2);
  await room.images.remove(`${name}:v1`);
  expect(await room.remains()).toEqual([]);
});

test('artifacts that share the empty config are images of their own', async () => {
  await using room = await open();
  const ids = new Set<string>();
  for (const tag of ['a', 'b']) {
    const artifact = buildArtifact([{ title: 'name', bytes: Buffer.from(tag) }]);
    await registry.push('shared/config', tag, artifact);
    ids.add((await room.images.pull(`${registry.host}/shared/config:${tag}`, undefined)).id);
  }
  expect(ids.size).toBe(2);
  await room.images.remove(`${registry.host}/shared/config:a`);
  const [left] = room.images.list();
  expect(await room.storage.readBlob(left?.artifact?.configDigest ?? '', 10)).toEqual(Buffer.from('{}'));
});

test('a config that is no image’s makes an artifact of its own type', async () => {
  await using room = await open();
  const config = { mediaType: 'application/vnd.cncf.helm.config.v1+json', bytes: Buffer.from('{"name":"chart"}') };
  const chart = buildArtifact(
    [{ bytes: Buffer.from('chart'), mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip' }],
    { artifactType: false, config },
  );
  await registry.push('charts/app', '1', chart);
  const image = await room.images.pull(`${registry.host}/charts/app:1`, undefined);
  expect(image.artifact).toEqual({ type: config.mediaType, configDigest: chart.config.digest });
  expect(await room.storage.readBlob(chart.config.digest, 100)).toEqual(config.bytes);
});

test('no files, and the same untitled blob twice, are artifacts too', async () => {
  await using room = await open();
  const none = buildArtifact([]);
  const empty = { bytes: Buffer.from('{}'), mediaType: 'application/vnd.oci.empty.v1+json' };
  const twice = buildArtifact([empty, empty]);
  await registry.push('odd/none', '1', none);
  await registry.push('odd/twice', '1', twice);
  const [first, second] = [
    await room.images.pull(`${registry.host}/odd/none:1`, undefined),
    await room.images.pull(`${registry.host}/odd/twice:1`, undefined),
  ];
  expect(readdirSync(layerDir(room, first.chainIds[0] ?? ''))).toEqual([]);
  expect(readdirSync(layerDir(room, second.chainIds[0] ?? ''))).toEqual([twice.layers[0]?.digest.slice(7)]);
});

test('a hostile title is refused before a file is fetched, and nothing is left', async () => {
  await using room = await open();
  for (const title of ['../../../etc/cron.d/x', '/etc/passwd', 'a\0b', '.wh..wh..opq', 'x'.repeat(300)]) {
    await registry.push('hostile/title', 'latest', buildArtifact([{ title, bytes: Buffer.from('x') }]));
    await expect(room.images.pull(`${registry.host}/hostile/title`, undefined)).rejects.toMatchObject({
      code: 'manifest-invalid',
      message: expect.stringContaining('cannot be the name of a file') as string,
    });
  }
  const same = ['a', 'b'].map((text) => ({ title: 'same', bytes: Buffer.from(text) }));
  await registry.push('hostile/title', 'latest', buildArtifact(same));
  await expect(room.images.pull(`${registry.host}/hostile/title`, undefined)).rejects.toThrow(/it is the name of two/);
  expect(await room.remains()).toEqual([]);
});

describe('an index', () => {
  const model = buildArtifact([{ title: 'model', bytes: Buffer.from('for all machines') }]);
  const other = buildArtifact([{ title: 'other', bytes: Buffer.from('another') }]);
  const sbom = buildArtifact([{ title: 'sbom.json', bytes: Buffer.from('{"sbom":1}') }]);
  const pull = async (room: Room, tag: string, index: Blob) => {
    for (const [name, artifact] of Object.entries({ model, other, sbom })) await registry.push('idx', name, artifact);
    await registry.pushManifest('idx', tag, index);
    return room.images.pull(`${registry.host}/idx:${tag}`, undefined);
  };

  test('of artifacts without platforms gives the first', async () => {
    await using room = await open();
    const index = indexOf(entry(model.manifest, { artifactType: 'a/b' }), entry(other.manifest));
    // An entry that does not call itself an artifact comes first.
    expect((await pull(room, 'plain', index)).id).toBe(other.manifest.digest);
    const typed = indexOf(
      entry(model.manifest, { artifactType: 'a/b' }),
      entry(other.manifest, { artifactType: 'c/d' }),
    );
    const image = await pull(room, 'typed', typed);
    expect(image.id).toBe(model.manifest.digest);
    expect(image.repoDigests).toEqual([typed.digest, model.manifest.digest].map((d) => `${registry.host}/idx@${d}`));
  });

  test('with this machine’s platform gives that one', async () => {
    await using room = await open();
    const index = indexOf(
      entry(model.manifest, { platform: { os: 'linux', architecture: 's390x' } }),
      entry(other.manifest, { platform: { os: 'linux', architecture: hostArchitecture } }),
    );
    expect((await pull(room, 'platform', index)).id).toBe(other.manifest.digest);
  });

  test('does not give what is attached to images for other machines', async () => {
    await using room = await open();
    const image = await buildImage({ layers: [{ x: 'x' }], architecture: 's390x' });
    await registry.push('idx', 'image', image);
    const index = indexOf(
      entry(sbom.manifest, { artifactType: 'application/spdx+json' }),
      entry(image.manifest, { platform: { os: 'linux', architecture: 's390x' } }),
    );
    await expect(pull(room, 'attached', index)).rejects.toMatchObject({ code: 'image-platform' });
    expect(await room.remains()).toEqual([]);
  });
});

test('too many annotations are not kept in the record', async () => {
  await using room = await open();
  const annotations = { 'org.example.big': 'x'.repeat(20_000) };
  await registry.push('many/annotations', '1', buildArtifact([], { annotations }));
  expect((await room.images.pull(`${registry.host}/many/annotations:1`, undefined)).annotations).toBeUndefined();
});

test('an OCI layout that holds an artifact is loaded', async () => {
  await using room = await open();
  const artifact = buildArtifact([{ title: 'a/b.txt', bytes: Buffer.from('from an archive') }]);
  const files: Record<string, Buffer | string> = {
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    'index.json': JSON.stringify({
      schemaVersion: 2,
      manifests: [
        entry(artifact.manifest, {
          artifactType: 'application/vnd.example.files',
          annotations: { 'org.opencontainers.image.ref.name': 'localhost/files:1' },
        }),
      ],
    }),
  };
  for (const { digest, bytes } of [artifact.manifest, artifact.config, ...artifact.layers])
    files[`blobs/${digest.replace(':', '/')}`] = bytes;
  const path = join(room.dir, 'layout.tar');
  await writeFile(path, await buildTar(files));
  const [loaded] = await room.images.load(path);
  expect(loaded).toMatchObject({ id: artifact.manifest.digest, repoTags: ['localhost/files:1'] });
  const dir = layerDir(room, loaded?.chainIds[0] ?? '');
  expect(readFileSync(join(dir, 'a/b.txt'), 'utf8')).toBe('from an archive');
  await room.images.remove('localhost/files:1');
  expect(await room.remains()).toEqual([]);
});
