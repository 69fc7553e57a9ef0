import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { isBerthError } from '../../src/base';
import type { Kernel } from '../../src/kernel';
import { chainIds, type LayerSource } from '../../src/storage';
import { slow } from '../slow.cjs';
import { listing, tempDir, unpackPath, xattrs } from './support/files';
import { openKernel, openStorage } from './support/open';
import { digestOf, dir, file, hardlink, symlink, tar, type Entry } from './support/tar';

/** What unpack may take of memory, in bytes: promise 10. Everything here runs with no more address space than this. */
const memory = 200 * 1024 * 1024;

const temp = tempDir();
afterAll(() => temp.remove());
let count = 0;

interface Outcome {
  readonly status: number | null;
  readonly report: Record<string, unknown>;
  readonly diff: string;
}

/** Streams a layer through unpack, which has the bounds that promise 10 gives it. */
async function unpack(chunks: Iterable<Buffer>, ...limits: string[]): Promise<Outcome> {
  const staging = path.join(temp.path, `s${count++}`);
  const diff = path.join(staging, 'diff');
  fs.mkdirSync(diff, { recursive: true });
  const child = spawn('prlimit', [`--as=${memory}`, unpackPath, 'apply', '--staging', staging, ...limits]);
  const exited = once(child, 'exit');
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  // A program that has seen enough closes its end.
  await pipeline(Readable.from(chunks), child.stdin).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') throw error;
  });
  const [status] = (await exited) as [number | null];
  return { status, report: JSON.parse(text) as Record<string, unknown>, diff };
}

/** The archive without its end, to be continued. */
const begun = (entries: readonly Entry[]): Buffer => tar(entries).subarray(0, -1024);
const gzipped = (...parts: Buffer[]): Buffer[] => parts.map((part) => zlib.gzipSync(part, { level: 1 }));

const sparse = (size: string, map: string): Entry =>
  file('holes', map.padEnd(Math.ceil(map.length / 512) * 512, '\0'), {
    pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 'holes', 'GNU.sparse.realsize': size },
  });

describe('bombs end with the name of the limit', () => {
  test(
    'a million entries are unpacked within the memory',
    async () => {
      // Folders that are named a thousand times: what is kept for each entry adds up, without a disk full of files.
      const member = zlib.gzipSync(begun(Array.from({ length: 1000 }, (_, i) => dir(`d/${i}`, { mtime: i }))));
      const layer = function* (): Generator<Buffer> {
        for (let i = 0; i < 1000; i++) yield member;
        yield zlib.gzipSync(Buffer.alloc(1024));
      };
      const { report, diff } = await unpack(layer(), '--max-entries', '1000000');
      expect(report).toMatchObject({ ok: true, inodes: 1001 });
      expect(fs.statSync(path.join(diff, 'd/999')).mtimeMs).toBe(999_000);
      expect((await unpack(layer(), '--max-entries', '1500')).report).toMatchObject({
        code: 'too-large',
        limit: 'entries',
        entry: 'd/500',
      });
    },
    120_000 * slow,
  );

  test('files that are all holes', async () => {
    const { report } = await unpack(gzipped(tar([sparse('999999999999999', '1\n999999999999999\n0\n')])));
    expect(report).toMatchObject({ code: 'too-large', limit: 'expanded-bytes', entry: 'holes' });
    const many = Array.from({ length: 3 }, () => sparse('100000000000', '1\n100000000000\n0\n'));
    expect((await unpack(gzipped(tar(many)))).report).toMatchObject({ code: 'too-large', limit: 'expanded-bytes' });
  });

  test('a map of more holes than one may have', async () => {
    const entries = 4_000_000;
    const map = `${entries}\n${'0\n0\n'.repeat(entries)}`;
    expect((await unpack(gzipped(tar([sparse('9', map)])))).report).toMatchObject({
      code: 'too-large',
      limit: 'header-bytes',
    });
  });

  test('headers of names and attributes that are too large', async () => {
    const value = Buffer.alloc(60_000, 'v');
    const pax = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`SCHILY.xattr.user.k${i}`, value]));
    const layer = gzipped(tar([file('before'), file('f', '', { pax })]));
    const { report } = await unpack(layer, '--max-header', '500000');
    expect(report).toMatchObject({ code: 'too-large', limit: 'header-bytes', entry: 'before' });
    const small = tar([file('f', '', { pax: { 'SCHILY.xattr.user.k': value.subarray(0, 2000) } })]);
    expect((await unpack([small], '--max-header', '2000')).report).toMatchObject({ limit: 'header-bytes' });
    expect((await unpack([small], '--max-header', '5000')).report).toMatchObject({ ok: true });
  });

  test('bytes that expand a thousandfold', async () => {
    const zeros = Buffer.alloc(1 << 20);
    const layer = function* (): Generator<Buffer> {
      yield zlib.gzipSync(begun([{ name: 'zeros', size: 1 << 30 }]));
      const member = zlib.gzipSync(zeros);
      for (let i = 0; i < 1 << 10; i++) yield member;
    };
    const limits = ['--ratio-from', String(20 << 20)];
    const { report, diff } = await unpack(layer(), ...limits);
    expect(report).toMatchObject({ code: 'too-large', limit: 'ratio', entry: 'zeros' });
    expect(fs.statSync(path.join(diff, 'zeros')).size).toBeLessThan(100 << 20);
    const absolute = await unpack(layer(), '--max-expanded', String(3 << 20));
    expect(absolute.report).toMatchObject({ code: 'too-large', limit: 'expanded-bytes', entry: 'zeros' });
  });

  test('a layer that computes for too long', async () => {
    const layer = gzipped(tar([file('first'), file('zeros', Buffer.alloc(1 << 22))]));
    const { report } = await unpack(layer, '--max-cpu-seconds', '0');
    expect(report).toMatchObject({ code: 'too-large', limit: 'cpu-seconds' });
  });

  test('a zstd frame that asks for a window larger than the memory', async () => {
    const long = execFileSync('zstd', ['-q', '-c', '--long=31', '--ultra', '-22'], { input: tar([file('f')]) });
    // A frame header that tells no content size keeps the window that it asks for: 2 GiB here.
    const frame = Buffer.concat([Buffer.from('28b52ffd00a8', 'hex'), long.subarray(6)]);
    const { status, report } = await unpack([frame]);
    expect([status, report.ok, report.code]).toEqual([1, false, 'invalid']);
  });
});

describe('archives with a purpose, through storage', () => {
  let kernel: Kernel;
  let closeKernel: () => Promise<void>;
  beforeAll(async () => ({ kernel, close: closeKernel } = await openKernel()));
  afterAll(() => closeKernel());

  const outside = path.join(temp.path, 'outside');
  beforeEach(() => {
    fs.rmSync(outside, { recursive: true, force: true });
    fs.mkdirSync(path.join(outside, 'dir'), { recursive: true });
    fs.writeFileSync(path.join(outside, 'secret'), 'untouched');
    fs.writeFileSync(path.join(outside, 'dir/file'), 'untouched');
  });
  afterEach(() =>
    expect(listing(outside)).toEqual([
      'dir 755 0:0 dir',
      'file 644 0:0 dir/file "untouched"',
      'file 644 0:0 secret "untouched"',
    ]),
  );

  const up = '../'.repeat(40) + outside.slice(1);
  /** A base layer with links that lead out, and the entries that go through them, in the same layer and in the next. */
  const escapes: [string, Entry[]][] = [
    ['a file', [file('abs/secret', 'x'), file('rel/secret', 'x')]],
    ['a folder and its mode', [dir('abs', { mode: 0o777 }), dir('rel/dir', { mode: 0o777, uid: 5 })]],
    ['a hard link to what is outside', [hardlink('stolen', 'abs/secret'), hardlink('stolen2', 'rel/secret')]],
    ['a hard link to a link, written through', [hardlink('alias', 'abs'), file('alias/secret', 'x')]],
    ['a hard link made outside', [file('mine', 'x'), hardlink('abs/secret', 'mine')]],
    ['a whiteout', [file('abs/.wh.secret'), file('rel/.wh.dir')]],
    ['an opaque folder', [file('abs/.wh..wh..opq'), file('rel/dir/.wh..wh..opq')]],
    ['a device', [{ name: 'abs/secret', type: '3', dev: [1, 3] }]],
    ['attributes', [file('abs/secret', '', { pax: { 'SCHILY.xattr.user.x': 'y' } })]],
    [
      'a link exchanged for a folder in between',
      [file('abs/a', '1'), dir('abs'), symlink('abs', outside), file('abs/secret', '2')],
    ],
    ['a link in the middle of a path', [dir('a'), symlink('a/b', up), file('a/b/dir/file', 'x')]],
    ['a path through /proc', [symlink('p', '/proc/self/root'), file(`p${outside}/secret`, 'x')]],
    ['a link to a descriptor', [symlink('p', '/proc/self/fd/3'), file('p/secret', 'x')]],
  ];

  const links = [symlink('abs', outside), symlink('rel', up)];
  const failed = async (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );

  function sources(tars: readonly Buffer[]): LayerSource[] {
    const chain = chainIds(tars.map((one) => digestOf(one)));
    return tars.map((one, i) => ({
      digest: digestOf(one),
      size: BigInt(one.length),
      diffId: digestOf(one),
      chainId: chain[i] ?? '',
      parentChainId: chain[i - 1],
      open: async () => Readable.from([one]),
    }));
  }

  test.each(escapes)('%s through links that lead outside: nothing there changes', async (_name, entries) => {
    for (const tars of [[tar([...links, ...entries])], [tar(links), tar(entries)]]) {
      const { storage, remove } = await openStorage(kernel);
      try {
        const error = await failed(storage.addLayers(sources(tars), new AbortController().signal));
        // Either it becomes something inside, or the error is one for the image's author.
        if (error !== undefined) {
          expect(isBerthError(error) && [error.code, error.detail.length > 10]).toEqual(['layer-invalid', true]);
        }
      } finally {
        remove();
      }
    }
  });

  test('what is legal in a layer, whatever it could do: devices, setuid, capabilities, any owner', async () => {
    const { storage, layerDir, remove } = await openStorage(kernel);
    const capability = Buffer.from('0100000202000000000000000000000000000000', 'hex');
    const [layer] = sources([
      tar([
        { name: 'disk', type: '4', dev: [8, 0], mode: 0o666 },
        file('root-shell', '#!', { mode: 0o6755, uid: 4_000_000, gid: 5 }),
        file('ping', '', { pax: { 'SCHILY.xattr.security.capability': capability } }),
        hardlink('ping2', 'ping'),
      ]),
    ]);
    if (!layer) throw new Error('no layer');
    await storage.addLayers([layer], new AbortController().signal);
    const at = layerDir(layer.chainId);
    expect(listing(at)).toEqual([
      'node 666 0:0 disk 8,0',
      'file 644 0:0 ping',
      'file 644 0:0 ping2',
      expect.stringMatching(/^file 6755 .* root-shell "#!"$/) as string,
    ]);
    expect(xattrs(path.join(at, 'ping2'))['security.capability']).toEqual(capability);
    remove();
  });

  test("berthd's own memory does not grow with what a layer holds", async () => {
    const { storage, remove } = await openStorage(kernel);
    const member = zlib.gzipSync(Buffer.alloc(1 << 20));
    const layer: LayerSource = {
      digest: `sha256:${'0'.repeat(64)}`,
      size: 1n << 33n,
      diffId: `sha256:${'0'.repeat(64)}`,
      chainId: `sha256:${'0'.repeat(64)}`,
      parentChainId: undefined,
      open: async () =>
        Readable.from(
          (function* () {
            yield zlib.gzipSync(begun([{ name: 'zeros', size: 0o70000000000 }]));
            for (let i = 0; i < 400; i++) yield member;
          })(),
        ),
    };
    const before = process.memoryUsage().rss;
    let peak = before;
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 10);
    const error = await failed(storage.addLayers([layer], new AbortController().signal));
    clearInterval(timer);
    remove();
    expect(isBerthError(error) && error.code).toBe('digest-mismatch');
    expect(peak - before).toBeLessThan(60 << 20);
  });
});
