import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import zlib from 'node:zlib';
import { isBerthError } from '../../src/base';
import type { Kernel } from '../../src/kernel';
import type { LayerSource } from '../../src/storage';
import { listing, xattrs } from './support/files';
import { memoryTable, openKernel, openStorage, sourcesOf, type Opened } from './support/open';
import { digestOf, dir, file, hardlink, symlink, tar, type Entry } from './support/tar';

let kernel: Kernel;
let closeKernel: () => Promise<void>;
const opened: Opened[] = [];
beforeAll(async () => ({ kernel, close: closeKernel } = await openKernel()));
afterEach(() => opened.splice(0).forEach((one) => one.remove()));
afterAll(() => closeKernel());

async function open(
  ...options: Parameters<typeof openStorage> extends [unknown, ...infer Rest] ? Rest : never
): Promise<Opened> {
  const one = await openStorage(kernel, ...options);
  opened.push(one);
  return one;
}

const layer = (...entries: Entry[]) => {
  const archive = tar(entries);
  return { blob: zlib.gzipSync(archive), tar: archive };
};
const never = new AbortController().signal;
const base = layer(dir('.'), dir('etc'), file('etc/hosts', 'localhost'), dir('tmp', { mode: 0o1777 }));
const middle = layer(dir('.'), dir('etc'), file('etc/.wh.hosts'), file('etc/motd', 'hello'));
const top = layer(dir('.'), dir('srv', { mode: 0o700, uid: 9 }), file('srv/data', 'd'));

/** The rejection of a promise, which has to be a BerthError. */
async function failure(promise: Promise<unknown>) {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isBerthError(error)) throw new Error(`not refused as it should be: ${String(error)}`);
  return error;
}

test('layers get their names, blobs, records and usage', async () => {
  const { storage, layerDir, root, leftovers, table } = await open();
  const sources = sourcesOf([base, middle, top]);
  const records = await storage.addLayers(sources, never);
  expect(records).toEqual(
    sources.map(({ chainId, diffId, parentChainId, digest }) => ({
      v: 1,
      chainId,
      diffId,
      parentChainId,
      blobDigest: digest,
      unpackedBytes: expect.any(BigInt) as bigint,
      inodes: expect.any(BigInt) as bigint,
    })),
  );
  expect([...table.values()]).toEqual(records);
  expect(listing(layerDir(sources[1]?.chainId ?? ''))).toEqual([
    'dir 755 0:0 etc',
    'whiteout etc/hosts',
    'file 644 0:0 etc/motd "hello"',
  ]);
  for (const [i, { blob }] of [base, middle, top].entries()) {
    expect(fs.readFileSync(path.join(root, 'blobs/sha256', (sources[i]?.digest ?? '').slice(7)))).toEqual(blob);
  }
  expect(leftovers().filter((name) => name.startsWith('staging'))).toEqual([]);
  const blobBytes = [base, middle, top].reduce((sum, { blob }) => sum + blob.length, 0);
  // Four folders and three files of data, the blobs beside them.
  expect(storage.imageUsage()).toEqual({ bytes: BigInt(blobBytes) + 7n * 4096n, inodes: 8n + 3n });
});

test('layers that are there are not fetched, and usage does not count them twice', async () => {
  const { storage } = await open();
  const sources = sourcesOf([base, middle]);
  await storage.addLayers(sources, never);
  const usage = storage.imageUsage();
  await storage.addLayers(sources, never);
  expect(sources.map((source) => source.opened.count)).toEqual([1, 1]);
  expect(storage.imageUsage()).toEqual(usage);
  await storage.addLayers(sourcesOf([base, top]), never);
  expect(sources[0]?.opened.count).toBe(1);
});

test('no layers and equal layers', async () => {
  const { storage, layerDir } = await open();
  expect(await storage.addLayers([], never)).toEqual([]);
  const sources = sourcesOf([base, top, top]);
  expect((await storage.addLayers(sources, never)).length).toBe(3);
  expect(fs.existsSync(layerDir(sources[2]?.chainId ?? ''))).toBe(true);
});

test('equal layers asked for at the same time are fetched once', async () => {
  const { storage, leftovers } = await open();
  const first = sourcesOf([base, middle, top]);
  const second = sourcesOf([base, middle, layer(file('other', 'x'))]);
  const third = sourcesOf([base, middle, top]);
  await Promise.all([first, second, third].map((sources) => storage.addLayers(sources, never)));
  const counts = [0, 1].map((i) =>
    [first, second, third].reduce((sum, sources) => sum + (sources[i]?.opened.count ?? 0), 0),
  );
  expect(counts).toEqual([1, 1]);
  expect(leftovers().filter((name) => name.startsWith('layers')).length).toBe(4);
});

test('of two who want a layer, one giving up does not take it from the other', async () => {
  const { storage, leftovers } = await open();
  const giveUp = new AbortController();
  const slow = sourcesOf([base]).map((source): LayerSource => ({
    ...source,
    open: async () => {
      giveUp.abort();
      return source.open(never);
    },
  }));
  const quitter = failure(storage.addLayers(slow, giveUp.signal));
  const stayer = storage.addLayers(sourcesOf([base]), never);
  expect((await quitter).code).toBe('call-cancelled');
  expect((await stayer).length).toBe(1);
  expect(leftovers().filter((name) => name.startsWith('staging'))).toEqual([]);
});

test('a layer that the first caller cannot fetch is fetched from the second', async () => {
  const { storage } = await open();
  const denied = sourcesOf([base]).map((source) => ({ ...source, open: () => Promise.reject(new Error('denied')) }));
  const [first, second] = await Promise.allSettled([
    storage.addLayers(denied, never),
    storage.addLayers(sourcesOf([base]), never),
  ]);
  expect(first).toMatchObject({ status: 'rejected', reason: { message: 'denied' } });
  expect(second.status).toBe('fulfilled');
});

describe('what is refused leaves nothing', () => {
  const other = layer(file('other', 'x'));
  const flipped = Buffer.from(base.blob);
  flipped.writeUInt8(flipped.readUInt8(40) ^ 0xff, 40);
  const [good] = sourcesOf([base]);
  const wrong = (change: Partial<LayerSource>): LayerSource => ({ ...(good as LayerSource), ...change });
  const giving = (bytes: Buffer): Partial<LayerSource> => ({ open: async () => Readable.from([bytes]) });

  test.each<[string, LayerSource, string, RegExp]>([
    [
      'another blob',
      wrong({ ...giving(other.blob), size: BigInt(other.blob.length) }),
      'digest-mismatch',
      new RegExp(`expected ${digestOf(base.blob)}, got ${digestOf(other.blob)}`),
    ],
    [
      'altered bytes',
      wrong(giving(flipped)),
      'digest-mismatch',
      new RegExp(`expected ${digestOf(base.blob)}, got ${digestOf(flipped)}`),
    ],
    ['too few bytes', wrong(giving(base.blob.subarray(0, 50))), 'digest-mismatch', /got sha256:.* in 50 bytes/],
    ['more bytes than told', wrong({ size: 20n }), 'digest-mismatch', /more than 20 compressed bytes/],
    ['fewer bytes than told', wrong({ size: 20_000n }), 'digest-mismatch', /expected 20000 bytes, got \d+ bytes/],
    [
      'a name that leads out',
      sourcesOf([layer(file('../../x', 'x'))])[0] as LayerSource,
      'layer-invalid',
      /leads out of the layer/,
    ],
    [
      'a hard link to nothing',
      sourcesOf([layer(hardlink('a', 'b'))])[0] as LayerSource,
      'layer-invalid',
      /no layer below/,
    ],
    ['a digest that is a path', wrong({ digest: 'sha256:../../../../etc' }), 'manifest-invalid', /not a digest/],
  ])('%s', async (_name, source, code, message) => {
    const { storage, leftovers, table } = await open();
    const error = await failure(storage.addLayers([source], never));
    expect([error.code, error.detail]).toEqual([code, expect.stringMatching(message)]);
    expect(leftovers()).toEqual([]);
    expect([...table.values()]).toEqual([]);
    expect(storage.imageUsage()).toEqual({ bytes: 0n, inodes: 0n });
  });

  test('a wrong diff id', async () => {
    const { storage, leftovers } = await open();
    const [source] = sourcesOf([{ blob: base.blob, tar: other.tar }]);
    const error = await failure(storage.addLayers([source as LayerSource], never));
    expect(error.code).toBe('digest-mismatch');
    expect(error.detail).toContain(`expected diff id ${digestOf(other.tar)}, got diff id ${digestOf(base.tar)}`);
    expect(leftovers()).toEqual([]);
  });

  test('a chain id that is not the layers', async () => {
    const { storage } = await open();
    expect((await failure(storage.addLayers([wrong({ chainId: digestOf(other.tar) })], never))).code).toBe(
      'manifest-invalid',
    );
  });

  test('one bad layer among good ones', async () => {
    const { storage, leftovers } = await open();
    const sources = [...sourcesOf([base, middle, top])] as LayerSource[];
    const last = sources.pop() as LayerSource;
    const error = await failure(
      storage.addLayers([...sources, { ...last, ...giving(other.blob), size: 10_000n }], never),
    );
    expect(error.code).toBe('digest-mismatch');
    expect(leftovers()).toEqual([]);
  });

  test('more than the limits', async () => {
    const { storage, leftovers } = await open({ unpackLimits: { expanded_bytes: 100_000, entries: 5 } });
    const bomb = sourcesOf([layer(file('zeros', '0'.repeat(3_000_000)))]);
    const many = sourcesOf([layer(...Array.from({ length: 9 }, (_, i) => file(`f${i}`)))]);
    for (const [sources, key, entry] of [
      [bomb, 'expanded_bytes', 'zeros'],
      [many, 'entries', 'f5'],
    ] as const) {
      const error = await failure(storage.addLayers(sources, never));
      expect(error).toMatchObject({
        code: 'layer-invalid',
        detail: expect.stringMatching(new RegExp(`the limit ${key.replace('_', '-')} is .*${entry}`)) as string,
        remedy: expect.stringContaining(`image.layer_limits.${key}`) as string,
      });
    }
    expect(leftovers()).toEqual([]);
  });

  test('a source that breaks: its own error is told', async () => {
    const { storage, leftovers } = await open();
    const broken = async () =>
      Readable.from(
        (async function* () {
          yield base.blob.subarray(0, 60);
          throw Object.assign(new Error('connection reset by the registry'), { code: 'ECONNRESET' });
        })(),
      );
    await expect(storage.addLayers([wrong({ open: broken })], never)).rejects.toThrow(
      'connection reset by the registry',
    );
    expect(leftovers()).toEqual([]);
  });

  test('an abort before, and one in the middle', async () => {
    const { storage, leftovers } = await open();
    expect((await failure(storage.addLayers(sourcesOf([base]), AbortSignal.abort()))).code).toBe('call-cancelled');
    const stop = new AbortController();
    let closed = false;
    const stalled = async (signal: AbortSignal) =>
      Readable.from(
        (async function* () {
          try {
            yield base.blob.subarray(0, 60);
            stop.abort();
            await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
          } finally {
            closed = true;
          }
        })(),
      );
    const error = await failure(storage.addLayers([wrong({ open: stalled })], stop.signal));
    expect(error.code).toBe('call-cancelled');
    expect(leftovers()).toEqual([]);
    expect(closed).toBe(true);
    // The same layer can be had afterwards.
    expect((await storage.addLayers(sourcesOf([base]), never)).length).toBe(1);
  });

  test('an unpack program that dies, and one that is not there', async () => {
    for (const [program, code] of [
      ['/bin/false', 'program-failed'],
      ['/nonexistent/unpack', 'program-missing'],
    ]) {
      const { storage, leftovers } = await open({ unpackPath: program });
      expect((await failure(storage.addLayers(sourcesOf([base]), never))).code).toBe(code);
      expect(leftovers()).toEqual([]);
    }
  });

  test('records that cannot be written', async () => {
    const table = { ...memoryTable(), putAll: () => Promise.reject(new Error('map full')) };
    const { storage, leftovers } = await open({ layers: table });
    await expect(storage.addLayers(sourcesOf([base, top]), never)).rejects.toThrow('map full');
    expect(leftovers()).toEqual([]);
  });
});

describe('layers that need what is below them', () => {
  const unmasked = { 'SCHILY.xattr.user.kept': 'yes', mtime: '1500000000.25' };
  const below = layer(
    dir('tmp', { mode: 0o1777, uid: 3, gid: 4, pax: unmasked }),
    dir('usr'),
    dir('usr/lib'),
    dir('usr/bin'),
    file('usr/bin/tool', 'tool', { mode: 0o4755 }),
    symlink('lib', 'usr/lib'),
    dir('gone', { mode: 0o700 }),
    dir('gone/deep', { mode: 0o711 }),
    dir('shut', { mode: 0o750 }),
    dir('shut/old', { mode: 0o700 }),
    file('shut/file', 'f'),
  );

  test('implied parents take owner, mode, attributes and times of the nearest folder below', async () => {
    const { storage, layerDir } = await open();
    const hide = layer(file('.wh.gone'));
    const sources = sourcesOf([below, hide, layer(file('tmp/x', 'x'), file('new/y', 'y'), file('gone/deep/z', 'z'))]);
    await storage.addLayers(sources, never);
    const made = layerDir(sources[2]?.chainId ?? '');
    expect(listing(made)).toEqual([
      'dir 755 0:0 gone',
      'dir 755 0:0 gone/deep',
      'file 644 0:0 gone/deep/z "z"',
      'dir 755 0:0 new',
      'file 644 0:0 new/y "y"',
      'dir 1777 3:4 tmp',
      'file 644 0:0 tmp/x "x"',
    ]);
    expect(xattrs(path.join(made, 'tmp'))['user.kept']?.toString()).toBe('yes');
    expect(fs.statSync(path.join(made, 'tmp'), { bigint: true }).mtimeNs).toBe(1_500_000_000_250_000_000n);
    // No mark stays.
    expect(['gone', 'gone/deep', 'new'].map((name) => xattrs(path.join(made, name)))).toEqual([{}, {}, {}]);
  });

  test('a root that no archive names is that of the layer below; a base loses its marks', async () => {
    const { storage, layerDir } = await open();
    const sources = sourcesOf([layer(dir('.', { mode: 0o711, uid: 2 }), file('a/b', 'x')), layer(file('f'))]);
    await storage.addLayers(sources, never);
    const stat = fs.statSync(layerDir(sources[1]?.chainId ?? ''));
    expect([stat.mode & 0o777, stat.uid]).toEqual([0o711, 2]);
    expect(xattrs(path.join(layerDir(sources[0]?.chainId ?? ''), 'a'))).toEqual({});
  });

  test('such a root has the attributes and the very time of the layer below, also of a layer applied over its parents', async () => {
    const { storage, layerDir } = await open();
    const pax = { 'SCHILY.xattr.user.kept': 'yes', mtime: '1500000000.123456789', atime: '1400000000.987654321' };
    const named = layer(dir('.', { mode: 0o1711, uid: 2, gid: 3, pax }), dir('usr'), symlink('lib', 'usr'));
    const sources = sourcesOf([named, layer(file('f')), layer(file('a/b')), layer(file('lib/c'))]);
    await storage.addLayers(sources, never);
    for (const { chainId } of sources) {
      const root = layerDir(chainId);
      const attributes = xattrs(root);
      expect(attributes['user.kept']?.toString()).toBe('yes');
      expect(
        Object.keys(attributes).filter((name) => !/^trusted\.overlay\.(?:impure|origin|uuid)$/.test(name)),
      ).toEqual(['user.kept']);
      const { mode, uid, gid, mtimeNs } = fs.statSync(root, { bigint: true });
      expect([mode & 0o7777n, uid, gid, mtimeNs]).toEqual([0o1711n, 2n, 3n, 1_500_000_000_123_456_789n]);
    }
    // The last one was: its `lib` is a folder only through the link below.
    expect(listing(layerDir(sources[3]?.chainId ?? ''))).toEqual(['dir 755 0:0 usr', 'file 644 0:0 usr/c']);
  });

  test('a parent that is a link below (merged /usr) is followed', async () => {
    const { storage, layerDir, leftovers } = await open();
    const sources = sourcesOf([
      below,
      layer(file('lib/new.so', 'so'), file('.wh.gone'), file('shut/.wh..wh..opq'), file('shut/own', 'o')),
    ]);
    await storage.addLayers(sources, never);
    expect(listing(layerDir(sources[1]?.chainId ?? ''))).toEqual([
      'whiteout gone',
      'dir 750 0:0 shut',
      'whiteout shut/file',
      'whiteout shut/old',
      'file 644 0:0 shut/own "o"',
      'dir 755 0:0 usr',
      'dir 755 0:0 usr/lib',
      'file 644 0:0 usr/lib/new.so "so"',
    ]);
    expect(leftovers().filter((name) => name.startsWith('staging'))).toEqual([]);
  });

  test('a folder that a link replaces once its files are removed leaves its times to nobody', async () => {
    const { storage, layerDir } = await open();
    const lower = layer(dir('u', { mtime: 9e8 }), file('u/old', 'o'), dir('tmp', { mode: 0o1777, mtime: 1e9 }));
    const sources = sourcesOf([lower, layer(symlink('u', 'tmp'), file('u/.wh.old'), file('lib/x', 'x'))]);
    await storage.addLayers(sources, never);
    expect(listing(layerDir(sources[1]?.chainId ?? ''))).toEqual([
      'dir 755 0:0 lib',
      'file 644 0:0 lib/x "x"',
      'link u -> tmp',
    ]);
  });

  test('a hard link to a file below is one file with it', async () => {
    const { storage, layerDir } = await open();
    const sources = sourcesOf([below, layer(dir('bin', { mode: 0o711 }), hardlink('bin/again', 'usr/bin/tool'))]);
    const records = await storage.addLayers(sources, never);
    const made = layerDir(sources[1]?.chainId ?? '');
    // What is copied up from below is in the layer, and counted: three folders and one file.
    expect(records[1]).toMatchObject({ unpackedBytes: 4n * 4096n, inodes: 4n });
    expect(listing(made)).toEqual([
      'dir 711 0:0 bin',
      'file 4755 0:0 bin/again "tool"',
      'dir 755 0:0 usr',
      'dir 755 0:0 usr/bin',
      'file 4755 0:0 usr/bin/tool "tool"',
    ]);
    expect(fs.statSync(path.join(made, 'bin/again')).nlink).toBe(2);
  });

  test('an opaque root hides everything below', async () => {
    const { storage, layerDir } = await open();
    const sources = sourcesOf([below, layer(file('own', 'o'), file('.wh..wh..opq'), dir('usr', { mode: 0o700 }))]);
    await storage.addLayers(sources, never);
    expect(listing(layerDir(sources[1]?.chainId ?? ''))).toEqual([
      'whiteout gone',
      'whiteout lib',
      'file 644 0:0 own "o"',
      'whiteout shut',
      'whiteout tmp',
      'dir 700 0:0 usr',
    ]);
    expect(xattrs(path.join(layerDir(sources[1]?.chainId ?? ''), 'usr'))['trusted.overlay.opaque']?.toString()).toBe(
      'y',
    );
  });

  test('a hard link whose target is nowhere is refused, and nothing stays mounted', async () => {
    const { storage, leftovers, root } = await open();
    const error = await failure(storage.addLayers(sourcesOf([below, layer(hardlink('l', 'usr/bin/none'))]), never));
    expect([error.code, error.detail]).toEqual(['layer-invalid', expect.stringContaining('hard link')]);
    expect(leftovers()).toEqual([]);
    expect(fs.readFileSync('/proc/self/mounts', 'utf8')).not.toContain(root);
  });
});
