import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Kernel } from '../../src/kernel';
import { openKernel, openStorage, sourcesOf, type Opened } from './support/open';
import { digestOf, dir, file, tar, type Entry } from './support/tar';

let kernel: Kernel;
let closeKernel: () => Promise<void>;
const opened: Opened[] = [];
beforeAll(async () => ({ kernel, close: closeKernel } = await openKernel()));
afterEach(() => opened.splice(0).forEach((one) => one.remove()));
afterAll(() => closeKernel());

const never = new AbortController().signal;
const layer = (...entries: Entry[]) => ({ blob: tar(entries), tar: tar(entries) });
const [base, left, right] = [layer(dir('etc')), layer(file('left', 'l')), layer(file('right', 'r'))];

async function open(options = {}): Promise<Opened> {
  const one = await openStorage(kernel, options);
  opened.push(one);
  return one;
}

const names = (sources: readonly { readonly chainId: string; readonly digest: string }[]) => ({
  chainIds: sources.map((source) => source.chainId),
  layers: sources.map((source) => source.digest),
});

test('collect keeps what images name, shared layers too, and usage follows', async () => {
  const { storage, leftovers, table } = await open();
  const one = sourcesOf([base, left]);
  const two = sourcesOf([base, right]);
  await storage.addLayers(one, never);
  const usage = storage.imageUsage();
  await storage.addLayers(two, never);
  const config = Buffer.from('{}');
  await storage.writeBlob(digestOf(config), config);
  await storage.writeBlob(digestOf(Buffer.from('old')), Buffer.from('old'));

  await storage.collect([{ ...names(one), blobs: [digestOf(config)] }]);
  const hexes = [
    ...one.map((source) => `layers/${source.chainId.slice(7)}`),
    ...one.map((source) => `blobs/sha256/${source.digest.slice(7)}`),
  ];
  expect(leftovers().sort()).toEqual([...hexes, `blobs/sha256/${digestOf(config).slice(7)}`].sort());
  expect([...table.values()].map((record) => record.chainId)).toEqual(names(one).chainIds);
  expect(storage.imageUsage()).toEqual({ bytes: usage.bytes + 2n, inodes: usage.inodes + 1n });

  await storage.collect([]);
  expect(leftovers()).toEqual([]);
  expect(storage.imageUsage()).toEqual({ bytes: 0n, inodes: 0n });
});

test('collect deletes nothing before the disk knows that the records are gone', async () => {
  let flush = (): void => undefined;
  let asked = (): void => undefined;
  const whenAsked = new Promise<void>((resolve) => (asked = resolve));
  const flushed = () => new Promise<void>((resolve) => ((flush = resolve), asked()));
  const { storage, leftovers, table } = await open({ flushed });
  const sources = sourcesOf([base, left]);
  await storage.addLayers(sources, never);
  const config = Buffer.from('{}');
  await storage.writeBlob(digestOf(config), config);
  const before = leftovers();

  const collecting = storage.collect([]);
  await Promise.race([whenAsked, collecting]);
  expect([...table.values()]).toEqual([]);
  expect(leftovers()).toEqual(before);
  flush();
  await collecting;
  expect(leftovers()).toEqual([]);
});

test('collect leaves alone what an addLayers that runs counts on', async () => {
  const { storage } = await open();
  await storage.addLayers(sourcesOf([base]), never);
  const [first, second] = sourcesOf([base, left]);
  let collected = false;
  const slow = {
    ...second!,
    open: async () => {
      await storage.collect([]);
      collected = true;
      return Readable.from([left.blob]);
    },
  };
  expect((await storage.addLayers([first!, slow], never)).length).toBe(2);
  expect(collected).toBe(true);
});

test('blobs: whole or not at all', async () => {
  const { storage, root, leftovers } = await open();
  const bytes = Buffer.from('{"schemaVersion":2}');
  const digest = digestOf(bytes);
  expect(await storage.readBlob(digest, 100)).toBeUndefined();
  await storage.writeBlob(digest, bytes);
  await storage.writeBlob(digest, bytes);
  expect(await storage.readBlob(digest, 100)).toEqual(bytes);
  expect(storage.imageUsage()).toEqual({ bytes: BigInt(bytes.length), inodes: 1n });
  await expect(storage.readBlob(digest, 5)).rejects.toMatchObject({ code: 'manifest-invalid' });
  await expect(storage.writeBlob(digest, Buffer.from('other'))).rejects.toMatchObject({
    code: 'digest-mismatch',
    detail: `expected ${digest}, got ${digestOf(Buffer.from('other'))}`,
  });
  for (const wrong of ['sha256:..', `sha512:${'a'.repeat(64)}`, `sha256:${'A'.repeat(64)}`, '../../x']) {
    await expect(storage.readBlob(wrong, 100)).rejects.toMatchObject({ code: 'manifest-invalid' });
    await expect(storage.writeBlob(wrong, bytes)).rejects.toMatchObject({ code: 'manifest-invalid' });
  }
  fs.writeFileSync(path.join(root, 'blobs/sha256', digest.slice(7)), 'altered on disk');
  await expect(storage.readBlob(digest, 100)).rejects.toMatchObject({ code: 'digest-mismatch' });
  expect(leftovers().filter((name) => name.startsWith('staging'))).toEqual([]);
});

test('a start removes what an earlier process left, its mounts too, and forgets layers that are gone', async () => {
  const before = await open();
  const sources = sourcesOf([base, left]);
  await before.storage.addLayers(sources, never);
  const staging = path.join(before.root, 'staging', 'dead');
  for (const name of ['diff', 'upper', 'work', 'merged']) fs.mkdirSync(path.join(staging, name), { recursive: true });
  const at = (name: string) => path.join(staging, name);
  await kernel.mountOverlay({
    lowers: [at('diff')],
    writable: { upper: at('upper'), work: at('work'), volatile: true },
    target: at('merged'),
  });
  const orphan = before.layerDir(digestOf(Buffer.from('orphan')));
  fs.mkdirSync(path.join(orphan, 'x'), { recursive: true });
  fs.rmSync(before.layerDir(sources[1]!.chainId), { recursive: true });

  const after = await open({ root: before.root, layers: before.table });
  await after.storage.cleanStaging();
  expect(fs.readFileSync('/proc/self/mounts', 'utf8')).not.toContain(staging);
  expect(after.leftovers().filter((name) => !name.startsWith('blobs'))).toEqual([
    `layers/${sources[0]!.chainId.slice(7)}`,
  ]);
  expect([...after.table.values()].map((record) => record.chainId)).toEqual([sources[0]!.chainId]);
  await after.storage.addLayers(sources, never);
  // Its blob was kept: the layer is unpacked from that.
  expect(sources.map((source) => source.opened.count)).toEqual([1, 1]);
  expect(after.storage.imageUsage()).toEqual(before.storage.imageUsage());
});

test('a layer folder without a record is made anew', async () => {
  const { storage, layerDir } = await open();
  const sources = sourcesOf([left]);
  const target = layerDir(sources[0]!.chainId);
  fs.mkdirSync(path.join(target, 'half'), { recursive: true });
  await storage.addLayers(sources, never);
  expect(fs.readdirSync(target)).toEqual(['left']);
});
