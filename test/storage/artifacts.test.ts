import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Kernel } from '../../src/kernel';
import { artifactChainId, type ArtifactFileSource, type ArtifactSource } from '../../src/storage';
import { openKernel, openStorage, sourcesOf, type Opened } from './support/open';
import { digestOf, file, tar } from './support/tar';

let kernel: Kernel;
let closeKernel: () => Promise<void>;
const opened: Opened[] = [];
beforeAll(async () => ({ kernel, close: closeKernel } = await openKernel()));
afterEach(() => opened.splice(0).forEach((one) => one.remove()));
afterAll(() => closeKernel());

const never = new AbortController().signal;
const manifestDigest = digestOf(Buffer.from('a manifest'));

async function open(options = {}): Promise<Opened> {
  const one = await openStorage(kernel, options);
  opened.push(one);
  return one;
}

/** An artifact of these files; `fetched` tells which were opened. */
function artifactOf(
  files: Readonly<Record<string, string>>,
  over: Partial<ArtifactFileSource> = {},
): ArtifactSource & { readonly fetched: string[] } {
  const fetched: string[] = [];
  return {
    manifestDigest,
    fetched,
    files: Object.entries(files).map(([name, text]) => ({
      path: name,
      digest: digestOf(Buffer.from(text)),
      size: BigInt(Buffer.byteLength(text)),
      open: async () => {
        fetched.push(name);
        return Readable.from([Buffer.from(text.slice(0, 2)), Buffer.from(text.slice(2))]);
      },
      ...over,
    })),
  };
}

test('an artifact is one layer of links to its blobs, whose bytes count once', async () => {
  const { storage, layerDir, root, table } = await open();
  const artifact = artifactOf({ 'model.bin': 'weights', 'conf/a/b.json': '{"a":1}', 'conf/same.json': '{"a":1}' });
  const umask = process.umask(0o077);
  const record = await storage.addArtifact(artifact, never).finally(() => process.umask(umask));

  const chainId = artifactChainId(manifestDigest);
  expect(record).toMatchObject({
    v: 1,
    chainId,
    diffId: chainId,
    parentChainId: undefined,
    blobDigest: manifestDigest,
  });
  expect(table.get(chainId)).toBe(record);
  expect(record.files).toEqual(artifact.files.map(({ path: name, digest }) => ({ path: name, digest })));
  const dir = layerDir(chainId);
  for (const { path: name, digest } of artifact.files) {
    const stat = fs.lstatSync(path.join(dir, name));
    expect(stat.ino).toBe(fs.lstatSync(path.join(root, 'blobs/sha256', digest.slice(7))).ino);
    expect([stat.mode & 0o7777, stat.uid, stat.gid]).toEqual([0o644, 0, 0]);
  }
  for (const folder of ['.', 'conf', 'conf/a']) expect(fs.lstatSync(path.join(dir, folder)).mode & 0o7777).toBe(0o755);
  expect(fs.readFileSync(path.join(dir, 'model.bin'), 'utf8')).toBe('weights');
  // Two blobs and three folders.
  expect(storage.imageUsage()).toEqual({ bytes: 14n, inodes: 5n });
  expect(fs.readdirSync(path.join(root, 'staging'))).toEqual([]);

  const again = artifactOf({ 'model.bin': 'weights' });
  expect(await storage.addArtifact(again, never)).toBe(record);
  expect(again.fetched).toEqual([]);
});

test('a blob that is there is linked, not fetched; one that is fetched twice at once is fetched once', async () => {
  const { storage, root, layerDir } = await open();
  const archive = tar([file('x', 'in a layer')]);
  await storage.addLayers(sourcesOf([{ blob: archive, tar: archive }]), never);
  const one = {
    ...artifactOf({ 'layer.tar': archive.toString('latin1') }),
    manifestDigest: digestOf(Buffer.from('1')),
  };
  const layer = { ...one.files[0]!, digest: digestOf(archive), size: BigInt(archive.length) };
  await storage.addArtifact({ ...one, files: [layer] }, never);
  expect(one.fetched).toEqual([]);
  expect(fs.lstatSync(path.join(layerDir(artifactChainId(one.manifestDigest)), 'layer.tar')).nlink).toBe(2);

  const artifacts = ['2', '3'].map((text) => ({
    ...artifactOf({ big: 'the same bytes' }),
    manifestDigest: digestOf(Buffer.from(text)),
  }));
  await Promise.all(artifacts.map((artifact) => storage.addArtifact(artifact, never)));
  expect(artifacts.flatMap((artifact) => artifact.fetched)).toEqual(['big']);
  const blob = path.join(root, 'blobs/sha256', artifacts[0]!.files[0]!.digest.slice(7));
  expect(fs.lstatSync(blob).nlink).toBe(3);
});

test('its blobs stay as long as its layer, and go with it', async () => {
  const { storage, leftovers } = await open();
  const artifact = artifactOf({ a: 'one', b: 'two' });
  await storage.addArtifact(artifact, never);
  const chainIds = [artifactChainId(manifestDigest)];
  await storage.collect([{ chainIds, layers: [], blobs: [] }]);
  expect(leftovers()).toHaveLength(3);
  await storage.collect([]);
  expect(leftovers()).toEqual([]);
  expect(storage.imageUsage()).toEqual({ bytes: 0n, inodes: 0n });
});

test('a collection leaves alone what an addArtifact that runs counts on', async () => {
  const { storage } = await open();
  const text = Buffer.from('there before');
  await storage.writeBlob(digestOf(text), text);
  const artifact = artifactOf({ there: 'there before', late: 'late' });
  const files = artifact.files.map((source) => ({
    ...source,
    open: async (signal: AbortSignal) => {
      await storage.collect([]);
      return source.open(signal);
    },
  }));
  await storage.addArtifact({ ...artifact, files }, never);
  expect(artifact.fetched).toEqual(['late']);
});

test.each([
  ['other bytes', { digest: digestOf(Buffer.from('else')) }, /expected sha256:\w+, got sha256/],
  ['more bytes', { size: 3n }, /expected 3 bytes, got more/],
  ['fewer bytes', { size: 30n }, /expected 30 bytes, got 7 bytes/],
])('%s than the manifest says leave nothing', async (_what, over, message) => {
  const { storage, leftovers, table } = await open();
  const good = artifactOf({ good: 'good' }).files;
  const files = [...good, ...artifactOf({ bad: 'altered' }, over).files];
  await expect(storage.addArtifact({ manifestDigest, files }, never)).rejects.toMatchObject({
    code: 'digest-mismatch',
    message: expect.stringMatching(message) as string,
  });
  expect(leftovers()).toEqual([]);
  expect([...table.values()]).toEqual([]);
  expect(storage.imageUsage()).toEqual({ bytes: 0n, inodes: 0n });
});

test('a size that is not that of the blob which is there is no artifact', async () => {
  const { storage } = await open();
  const text = Buffer.from('there before');
  await storage.writeBlob(digestOf(text), text);
  const wrong = artifactOf({ a: 'there before' }, { size: 99n });
  await expect(storage.addArtifact(wrong, never)).rejects.toMatchObject({ code: 'digest-mismatch' });
  expect(wrong.fetched).toEqual([]);
});

test('an abort before and during leaves nothing', async () => {
  const { storage, leftovers } = await open();
  const over = AbortSignal.abort(new DOMException('enough', 'AbortError'));
  await expect(storage.addArtifact(artifactOf({ a: 'b' }), over)).rejects.toMatchObject({ code: 'call-cancelled' });
  const controller = new AbortController();
  const stuck = artifactOf(
    { a: 'b' },
    {
      open: async () => {
        setImmediate(() => controller.abort(new DOMException('enough', 'AbortError')));
        return new Readable({ read: () => undefined });
      },
    },
  );
  await expect(storage.addArtifact(stuck, controller.signal)).rejects.toMatchObject({ code: 'call-cancelled' });
  expect(leftovers()).toEqual([]);
});

test('records that cannot be written leave nothing', async () => {
  const one = await open();
  const failing = { ...one.table, putAll: () => Promise.reject(new Error('no room for records')) };
  const { storage, leftovers } = await open({ root: one.root, layers: failing });
  await expect(storage.addArtifact(artifactOf({ a: 'b', 'c/d': 'e' }), never)).rejects.toThrow('no room for records');
  expect(leftovers()).toEqual([]);
});

const long = 'n'.repeat(256);
test.each([
  '',
  '/etc/passwd',
  '../x',
  'a/../../x',
  'a/./b',
  '.',
  '..',
  'a//b',
  'a/',
  'a\0b',
  'a\nb',
  'a\u007f',
  '.wh.a',
  '.wh..wh..opq',
  'a/.wh.b/c',
  '\ud800',
  long,
  `${'d'.repeat(200)}/`.repeat(5) + 'x'.repeat(100),
])('a file may not be called %j', async (name) => {
  const { storage, leftovers } = await open();
  const artifact = artifactOf({ good: 'good', [name]: 'bad' });
  await expect(storage.addArtifact(artifact, never)).rejects.toMatchObject({
    code: 'manifest-invalid',
    object: manifestDigest,
  });
  expect(artifact.fetched).toEqual([]);
  expect(leftovers()).toEqual([]);
});

test('two files of one name, a file as a folder, and too many files are refused', async () => {
  const { storage } = await open();
  const [first] = artifactOf({ a: 'b' }).files;
  const add = (files: readonly ArtifactFileSource[]) => storage.addArtifact({ manifestDigest, files }, never);
  await expect(add([first!, first!])).rejects.toThrow(/"a" cannot be the name of a file: it is the name of two/);
  await expect(add(artifactOf({ 'a/b/c': 'x', 'a/b': 'y' }).files)).rejects.toThrow(/"a\/b" is a file/);
  await expect(add(Array.from({ length: 10_001 }, (_, at) => ({ ...first!, path: `f${at}` })))).rejects.toThrow(
    /10001 files are more than 10000/,
  );
  const sizes = [first!, { ...first!, path: 'other', size: 7n }];
  await expect(add(sizes)).rejects.toThrow(/said to have 1 and 7 bytes/);
});

test('names that look odd and are none of that are kept', async () => {
  const { storage, layerDir } = await open();
  const names = ['..a', 'a..', '.hidden', 'wh.x', '-rf', 'ä/ö 1', "'$(id)'", 'back\\slash', 'x'.repeat(255)];
  await storage.addArtifact(artifactOf(Object.fromEntries(names.map((name) => [name, name]))), never);
  const dir = layerDir(artifactChainId(manifestDigest));
  for (const name of names) expect(fs.readFileSync(path.join(dir, name), 'utf8')).toBe(name);
});

test('an artifact that cannot fit is refused before a byte is fetched', async () => {
  const { storage, leftovers } = await open();
  const artifact = artifactOf({ 'model.bin': 'weights' }, { size: 1n << 60n });
  await expect(storage.addArtifact(artifact, never)).rejects.toMatchObject({ code: 'storage-full' });
  expect([artifact.fetched, leftovers()]).toEqual([[], []]);
});
