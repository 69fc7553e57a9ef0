import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import zlib from 'node:zlib';
import type { Kernel } from '../../src/kernel';
import type { LayerSource } from '../../src/storage';
import { deferred } from '../support/deferred';
import { tempDir } from './support/files';
import { openKernel, openStorage, sourcesOf, type Opened } from './support/open';
import { dir, file, tar } from './support/tar';

const mib = 1 << 20;
const never = new AbortController().signal;
let kernel: Kernel;
let closeKernel: () => Promise<void>;
let disk: string;
let room: Opened;
const temp = tempDir();

beforeAll(async () => ({ kernel, close: closeKernel } = await openKernel()));
beforeEach(async () => {
  disk = path.join(temp.path, 'disk');
  fs.mkdirSync(disk);
  const options = { nosuid: false, nodev: false, noexec: false };
  await kernel.mountTmpfs({ target: disk, sizeBytes: 32 * mib, mode: 0o700, ...options });
  room = await openStorage(kernel, { root: path.join(disk, 'root') });
});
afterEach(async () => {
  await kernel.unmount(disk);
  fs.rmdirSync(disk);
  room.remove();
});
afterAll(async () => {
  await closeKernel();
  temp.remove();
});

/** A layer that cannot be compressed, and one that unpacks to far more than it has bytes. */
const dense = (name: string, size: number) => layerOf(name, randomBytes(size));
const hollow = (name: string, size: number) => layerOf(name, Buffer.alloc(size, name));

function layerOf(name: string, content: Buffer) {
  const archive = tar([dir('.'), file(name, content)]);
  return { blob: zlib.gzipSync(archive), tar: archive };
}

const free = () => {
  const { bavail, bsize } = fs.statfsSync(disk);
  return bavail * bsize;
};

test('layers that cannot fit are refused before a byte is fetched; the error names both, the file system and what helps', async () => {
  const sources = sourcesOf([dense('a', 9 * mib), dense('b', 9 * mib)]);
  await expect(room.storage.addLayers(sources, never)).rejects.toMatchObject({
    code: 'storage-full',
    object: `the file system of ${disk}`,
    detail: expect.stringMatching(
      /^2 layers need at least 36\.0 MiB; 3[12]\.\d MiB are free, and 0\.3 MiB are kept back$/,
    ) as string,
    remedy: expect.stringContaining(`free space on ${disk}: remove images`) as string,
  });
  expect(sources.map((source) => source.opened.count)).toEqual([0, 0]);
  // What fits is not refused for that, and what is there needs no room any more.
  const fitting = sourcesOf([dense('a', 9 * mib)]);
  await room.storage.addLayers(fitting, never);
  fs.writeFileSync(path.join(disk, 'filler'), Buffer.alloc(free() - mib));
  await room.storage.addLayers(fitting, never);
});

test('what other pulls were promised is not promised again, until they have used it or end', async () => {
  const [first, second] = [sourcesOf([dense('a', 9 * mib)]), sourcesOf([dense('b', 9 * mib)])];
  const [reached, goOn] = [deferred<void>(), deferred<void>()];
  const slow = first.map((source): LayerSource => ({
    ...source,
    open: async () => {
      reached.resolve();
      await goOn.promise;
      return Promise.reject(new Error('denied'));
    },
  }));
  const failing = room.storage.addLayers(slow, never);
  await reached.promise;
  await expect(room.storage.addLayers(second, never)).rejects.toMatchObject({
    code: 'storage-full',
    detail: expect.stringContaining('other pulls under way need 18.0 MiB of that') as string,
  });
  // Who wants the same layer needs nothing more.
  const giveUp = new AbortController();
  const joiner = room.storage.addLayers(first, giveUp.signal);
  giveUp.abort();
  await expect(joiner).rejects.toMatchObject({ code: 'call-cancelled' });
  goOn.resolve();
  await expect(failing).rejects.toThrow('denied');
  await room.storage.addLayers(second, never);
});

test('bytes that lie on the disk are counted there, not twice', async () => {
  const [first, second] = [sourcesOf([dense('a', 8 * mib)]), sourcesOf([dense('b', 5 * mib)])];
  const whole = layerBytes(first[0]);
  const goOn = deferred<void>();
  const arrived = deferred<void>();
  const bytes = await whole;
  const nearlyAll = first.map((source): LayerSource => ({
    ...source,
    open: async () =>
      Readable.from(
        (async function* () {
          for (let at = 0; at < bytes.length - 1000; at += 65536)
            yield bytes.subarray(at, Math.min(at + 65536, bytes.length - 1000));
          arrived.resolve();
          await goOn.promise;
          yield bytes.subarray(bytes.length - 1000);
        })(),
      ),
  }));
  const slow = room.storage.addLayers(nearlyAll, never);
  await arrived.promise;
  await room.storage.addLayers(second, never);
  goOn.resolve();
  await slow;
});

test('a disk that fills up in the middle is storage-full, and all that was written is given back', async () => {
  const before = free();
  const sources = sourcesOf([hollow('a', 6 * mib), hollow('b', 60 * mib), hollow('c', 6 * mib)]);
  await expect(room.storage.addLayers(sources, never)).rejects.toMatchObject({
    code: 'storage-full',
    message: expect.stringMatching(/No space left on device/) as string,
  });
  expect(room.leftovers()).toEqual([]);
  expect(room.storage.imageUsage()).toEqual({ bytes: 0n, inodes: 0n });
  // Folders of tmpfs keep a little for names that they had.
  expect(before - free()).toBeLessThan(mib / 4);
  await room.storage.addLayers(sourcesOf([hollow('a', 6 * mib)]), never);
});

async function layerBytes(source: LayerSource | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await source?.open(never)) ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
