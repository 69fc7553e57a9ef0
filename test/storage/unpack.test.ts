import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { pack } from 'tar-stream';
import { listing, tempDir, unpackPath, xattrs } from './support/files';
import { digestOf, dir, file, hardlink, symlink, tar, type Entry } from './support/tar';

const temp = tempDir();
afterAll(() => temp.remove());
let count = 0;

interface Outcome {
  readonly status: number | null;
  readonly report: Record<string, unknown>;
  readonly diff: string;
  readonly staging: string;
}

function unpack(bytes: Buffer, ...limits: string[]): Outcome {
  const staging = path.join(temp.path, `s${count++}`);
  const diff = path.join(staging, 'diff');
  fs.mkdirSync(diff, { recursive: true });
  const run = spawnSync(unpackPath, ['apply', '--staging', staging, ...limits], { input: bytes });
  expect(run.stderr.toString()).toBe('');
  return { status: run.status, report: JSON.parse(run.stdout.toString()) as Record<string, unknown>, diff, staging };
}

function unpacked(entries: readonly Entry[]): Outcome {
  const outcome = unpack(tar(entries));
  expect(outcome.report).toMatchObject({ ok: true });
  return outcome;
}

describe('compression', () => {
  const plain = tar([dir('etc'), file('etc/hosts', 'localhost')]);
  const zstd = execFileSync('zstd', ['-q', '-c'], { input: plain });
  const members = Buffer.concat([zlib.gzipSync(plain.subarray(0, 700)), zlib.gzipSync(plain.subarray(700))]);
  const frames = Buffer.concat([
    zstd.subarray(0, 0),
    execFileSync('zstd', ['-q', '-c'], { input: plain.subarray(0, 512) }),
    execFileSync('zstd', ['-q', '-c'], { input: plain.subarray(512) }),
  ]);

  test.each([
    ['none', plain],
    ['gzip', zlib.gzipSync(plain)],
    ['gzip of several members', members],
    ['gzip with zeros after it', Buffer.concat([zlib.gzipSync(plain), Buffer.alloc(600)])],
    ['zstd', zstd],
    ['zstd of several frames', frames],
    ['zstd behind a skippable frame', Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]), zstd])],
  ])('%s', (_name, bytes) => {
    const { report, diff, staging } = unpack(bytes);
    expect(report).toMatchObject({
      ok: true,
      blobDigest: digestOf(bytes),
      blobSize: bytes.length,
      diffId: digestOf(plain),
      tarSize: plain.length,
      inodes: 2,
    });
    expect(listing(diff)).toEqual(['dir 755 0:0 etc', 'file 644 0:0 etc/hosts "localhost"']);
    expect(fs.readFileSync(path.join(staging, 'blob'))).toEqual(bytes);
  });

  test.each([
    ['gzip', zlib.gzipSync(plain).subarray(0, -12), 'truncated'],
    ['zstd', zstd.subarray(0, -6), 'truncated'],
    ['tar', plain.subarray(0, 1030), 'damaged|truncated|Truncated'],
  ])('a truncated %s is refused, with the digest of what came', (_name, bytes, message) => {
    const { status, report } = unpack(bytes);
    expect(status).toBe(1);
    expect(report).toMatchObject({ ok: false, code: 'invalid', blobDigest: digestOf(bytes), blobSize: bytes.length });
    expect(report.message).toMatch(new RegExp(message));
  });

  test('what follows the end of the archive is hashed, whatever it is, and makes nothing', () => {
    const bytes = Buffer.concat([plain, Buffer.from('garbage'.repeat(1000)), tar([file('hidden')])]);
    const { report, diff } = unpack(zlib.gzipSync(bytes));
    expect(report).toMatchObject({ ok: true, diffId: digestOf(bytes), tarSize: bytes.length, inodes: 2 });
    expect(fs.existsSync(path.join(diff, 'hidden'))).toBe(false);
  });

  test.each([
    ['a skippable frame after it', Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9]), true],
    ['other bytes after it', Buffer.from('more than nothing'), false],
  ])('zstd with %s', (_name, rest, ok) => {
    expect(unpack(Buffer.concat([zstd, rest])).report).toMatchObject({ ok });
  });

  test('other bytes after a gzip are refused', () => {
    const { report } = unpack(Buffer.concat([zlib.gzipSync(plain), Buffer.from('more')]));
    expect(report).toMatchObject({
      ok: false,
      code: 'invalid',
      message: expect.stringContaining('follow the gzip') as string,
    });
  });

  test('xz is named as what it is', () => {
    const { report } = unpack(Buffer.concat([Buffer.from('fd377a585a00', 'hex'), Buffer.alloc(100)]));
    expect(report).toMatchObject({ ok: false, code: 'invalid', message: expect.stringContaining('xz') as string });
  });

  test('an empty archive and no bytes at all are empty layers', () => {
    expect(unpack(Buffer.alloc(1024)).report).toMatchObject({ ok: true, inodes: 0 });
    expect(unpack(Buffer.alloc(0)).report).toMatchObject({ ok: true, inodes: 0, diffId: digestOf(Buffer.alloc(0)) });
  });

  test('bytes that are no archive are refused', () => {
    expect(unpack(Buffer.from('<html>'.repeat(500))).report).toMatchObject({ ok: false, code: 'invalid' });
  });
});

describe('what an entry becomes', () => {
  test('types, modes, owners', () => {
    const { diff } = unpacked([
      dir('d', { mode: 0o2775, uid: 7, gid: 70_000 }),
      file('d/suid', 'x', { mode: 0o4755, uid: 1000, gid: 1000 }),
      { name: 'd/null', type: '3', dev: [1, 3], mode: 0o666 },
      { name: 'd/loop', type: '4', dev: [7, 0], mode: 0o660 },
      { name: 'd/pipe', type: '6', mode: 0o600 },
      symlink('d/out', '/etc/passwd'),
      hardlink('again', 'd/suid'),
    ]);
    expect(listing(diff)).toEqual([
      'file 4755 1000:1000 again "x"',
      'dir 2775 7:70000 d',
      'node 660 0:0 d/loop 7,0',
      'node 666 0:0 d/null 1,3',
      'link d/out -> /etc/passwd',
      'fifo 600 0:0 d/pipe',
      'file 4755 1000:1000 d/suid "x"',
    ]);
    expect(fs.statSync(path.join(diff, 'again')).nlink).toBe(2);
  });

  test('times to the nanosecond, those of folders last', () => {
    const { diff } = unpacked([
      dir('.', { mtime: 1_000_000_000, mode: 0o711 }),
      dir('d', { pax: { mtime: '1700000000.123456789', atime: '1600000000.5' } }),
      file('d/f', 'x', { pax: { mtime: '-1.25' } }),
      symlink('d/s', 'f'),
    ]);
    const of = (name: string) => fs.lstatSync(path.join(diff, name), { bigint: true });
    expect(of('d').mtimeNs).toBe(1_700_000_000_123_456_789n);
    expect(of('d').atimeNs).toBe(1_600_000_000_500_000_000n);
    expect(of('d/f').mtimeNs < 0n).toBe(true);
    expect(of('d/s').mtimeNs).toBe(1_600_000_000_000_000_000n);
    expect(of('.').mtimeNs).toBe(1_000_000_000_000_000_000n);
    expect(Number(of('.').mode & 0o777n)).toBe(0o711);
  });

  test('numbers in base 256, and headers of before ustar', () => {
    const binary = Buffer.from(tar([file('f', 'x')]));
    binary.set([0x80, 0, 0, 0, 0, 0x2d, 0xc6, 0xc0], 108);
    const old = Buffer.from(tar([file('g', 'y'), dir('h/')]));
    for (const at of [0, 1024]) old.fill(0, at + 257, at + 512);
    for (const archive of [binary, old]) {
      for (let at = 0; at < archive.length - 1024; at += 1024) {
        archive.fill(' ', at + 148, at + 156);
        const sum = archive.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
        archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148);
      }
    }
    expect(listing(unpack(binary).diff)).toEqual(['file 644 3000000:0 f "x"']);
    expect(listing(unpack(old).diff)).toEqual(['file 644 0:0 g "y"', 'dir 755 0:0 h']);
  });

  test('names of any bytes and of any length the kernel has', () => {
    const component = 'n'.repeat(255);
    const long = Array.from({ length: 14 }, () => component).join('/');
    const { diff } = unpacked([
      file('x', '', { pax: { path: 'é-'.repeat(60) } }),
      file('x', '', { pax: { path: Buffer.from([0x62, 0xff, 0xfe]) } }),
      file('x', 'deep', { pax: { path: long } }),
    ]);
    const names = fs.readdirSync(diff, { encoding: 'buffer' });
    expect(names.map((name) => name.toString('latin1'))).toEqual(
      expect.arrayContaining([Buffer.from('é-'.repeat(60)).toString('latin1'), 'b\xff\xfe']),
    );
    expect(
      execFileSync('sh', ['-c', `cd ${diff} && ${`cd ${component} && `.repeat(13)} cat ${component}`]).toString(),
    ).toBe('deep');
  });

  test('binary attributes are kept; trusted, overlay and labels are dropped', () => {
    const value = Buffer.from([0, 1, 255, 10, 61, 0]);
    const { diff } = unpacked([
      file('f', '', {
        pax: {
          'SCHILY.xattr.user.bin': value,
          'SCHILY.xattr.security.capability': Buffer.from('0100000202000000000000000000000000000000', 'hex'),
          'SCHILY.xattr.security.selinux': 'system_u:object_r:x_t:s0',
          'SCHILY.xattr.trusted.overlay.opaque': 'y',
          'SCHILY.xattr.user.overlay.redirect': '/etc',
          'SCHILY.xattr.trusted.berth.implied': 'y',
        },
        uid: 5,
      }),
      dir('d', { pax: { 'SCHILY.xattr.trusted.overlay.redirect': '/../..' } }),
      { ...symlink('s', 'f'), pax: { 'SCHILY.xattr.user.nope': 'x' } },
    ]);
    const found = xattrs(path.join(diff, 'f'));
    expect(Object.keys(found).sort()).toEqual(['security.capability', 'user.bin']);
    expect(found['user.bin']).toEqual(value);
    expect(xattrs(path.join(diff, 'd'))).toEqual({});
  });

  test('what comes later takes the place of what was there, folders over folders aside', () => {
    const { diff } = unpacked([
      dir('a'),
      dir('a/b'),
      file('a/b/c', '1'),
      file('a', 'now a file'),
      file('f', 'old'),
      file('f', 'new'),
      file('g', 'file'),
      dir('g', { mode: 0o700 }),
      file('g/x', 'y'),
      dir('k', { mode: 0o700 }),
      file('k/kept', 'k'),
      dir('k', { mode: 0o750 }),
      symlink('l', 'k'),
      dir('l'),
      file('l/own', 'o'),
    ]);
    expect(listing(diff)).toEqual([
      'file 644 0:0 a "now a file"',
      'file 644 0:0 f "new"',
      'dir 700 0:0 g',
      'file 644 0:0 g/x "y"',
      'dir 750 0:0 k',
      'file 644 0:0 k/kept "k"',
      'dir 755 0:0 l',
      'file 644 0:0 l/own "o"',
    ]);
  });

  test('an archive of tar-stream, and one of GNU tar with holes', async () => {
    const archive = pack();
    archive.entry({ name: 'deep/'.repeat(30) + 'file', mode: 0o640 }, 'stream');
    archive.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of archive) chunks.push(chunk as Buffer);
    const stream = unpack(zlib.gzipSync(Buffer.concat(chunks)));
    expect(fs.readFileSync(path.join(stream.diff, 'deep/'.repeat(30), 'file'), 'utf8')).toBe('stream');

    const source = path.join(temp.path, 'source');
    fs.mkdirSync(source);
    fs.writeFileSync(path.join(source, 'holes'), '');
    fs.truncateSync(path.join(source, 'holes'), 50_000_000);
    fs.writeFileSync(path.join(source, 'holes'), 'tail', { flag: 'r+' });
    fs.appendFileSync(path.join(source, 'holes'), 'end');
    const dialects = [
      'pax --sparse-version=0.0',
      'pax --sparse-version=0.1',
      'pax --sparse-version=1.0',
      'gnu',
      'oldgnu',
    ];
    for (const dialect of dialects) {
      const sparse = execFileSync('tar', ['-C', source, '-S', ...`--format=${dialect}`.split(' '), '-cf', '-', '.']);
      expect(sparse.length).toBeLessThan(100_000);
      const { diff } = unpack(sparse);
      const stat = fs.statSync(path.join(diff, 'holes'));
      expect([stat.size, stat.blocks < 100]).toEqual([50_000_003, true]);
      expect(fs.readFileSync(path.join(diff, 'holes')).equals(fs.readFileSync(path.join(source, 'holes')))).toBe(true);
    }
  });
});

describe('whiteouts', () => {
  const opaque = (diff: string, name: string) => xattrs(path.join(diff, name))['trusted.overlay.opaque']?.toString();

  test('become nodes 0:0, opaque folders an attribute; AUFS files are skipped', () => {
    const { diff, report } = unpacked([
      dir('d'),
      file('d/before', 'b'),
      file('d/.wh..wh..opq'),
      file('d/after', 'a'),
      file('.wh.gone'),
      file('.wh..wh.aufs'),
      dir('.wh..wh.plnk'),
      file('.wh..wh.plnk/1.2', 'x'),
      { name: 'native', type: '3', dev: [0, 0] },
    ]);
    expect(listing(diff)).toEqual([
      'dir 755 0:0 d',
      'file 644 0:0 d/after "a"',
      'file 644 0:0 d/before "b"',
      'whiteout gone',
      'whiteout native',
    ]);
    expect(opaque(diff, 'd')).toBe('y');
    expect(report).toMatchObject({ impliedParents: 0 });
  });

  test('beside the same name of the same layer, hide only what is below', () => {
    const { diff } = unpacked([
      file('.wh.a'),
      dir('a'),
      file('a/x', '1'),
      dir('b'),
      file('b/x', '1'),
      file('.wh.b'),
      file('c', 'c'),
      file('.wh.c'),
      file('.wh.e'),
      file('e/implied', '1'),
    ]);
    expect(listing(diff)).toEqual([
      'dir 755 0:0 a',
      'file 644 0:0 a/x "1"',
      'dir 755 0:0 b',
      'file 644 0:0 b/x "1"',
      'file 644 0:0 c "c"',
      'dir 755 0:0 e',
      'file 644 0:0 e/implied "1"',
    ]);
    expect(['a', 'b', 'e'].map((name) => opaque(diff, name))).toEqual(['y', 'y', 'y']);
  });

  test.each(['.wh.', '.wh..', 'a/.wh...'])('%s names no file and is refused', (name) => {
    expect(unpack(tar([file(name)])).report).toMatchObject({ ok: false, code: 'invalid' });
  });
});

describe('what only the layers below can answer', () => {
  test('missing parents are made and listed', () => {
    const { report, diff, staging } = unpacked([
      file('a/b/c', 'x'),
      file('a/d', 'y'),
      file('z/y', ''),
      dir('z', { mode: 0o700 }),
    ]);
    expect(report).toMatchObject({ impliedParents: 3, rootNamed: false });
    expect(fs.readFileSync(path.join(staging, 'implied'), 'utf8')).toBe('a\0a/b\0z\0');
    expect(xattrs(path.join(diff, 'a'))['trusted.berth.implied']?.toString()).toBe('y');
    // The archive has named it after all.
    expect(xattrs(path.join(diff, 'z'))).toEqual({});
  });

  test.each([
    ['a hard link', [hardlink('l', 'usr/bin/x')], 'l'],
    ['a link for a parent', [symlink('lib', 'usr/lib'), file('lib/x')], 'lib'],
    ['an opaque root', [file('.wh..wh..opq')], '.'],
  ])('%s is told, and the digests are of the whole all the same', (_name, entries, at) => {
    const bytes = tar([...entries, file('rest', 'r'.repeat(300_000))]);
    const { report } = unpack(zlib.gzipSync(bytes));
    expect(report).toMatchObject({ ok: true, needsParents: { path: at }, diffId: digestOf(bytes) });
  });
});

describe('hostile layers', () => {
  const outside = path.join(temp.path, 'outside');
  beforeEach(() => {
    fs.rmSync(outside, { recursive: true, force: true });
    fs.mkdirSync(outside);
    fs.writeFileSync(path.join(outside, 'secret'), 'untouched');
  });
  afterEach(() => expect(listing(outside)).toEqual(['file 644 0:0 secret "untouched"']));

  test.each<[string, Entry[]]>([
    ['a name with ..', [file('../../outside/new', 'x')]],
    ['a name with .. in it', [dir('a'), file('a/../../../outside/new', 'x')]],
    ['a PAX name with ..', [file('x', 'x', { pax: { path: '../../outside/new' } })]],
    ['a hard link with ..', [hardlink('l', '../../outside/secret')]],
    ['a whiteout with ..', [file('../../outside/.wh.secret')]],
    ['a root that is a link', [symlink('.', outside)]],
  ])('%s is refused', (_name, entries) => {
    const { status, report } = unpack(tar(entries));
    expect([status, report.ok, report.code]).toEqual([1, false, 'invalid']);
  });

  test('an absolute name is one inside the layer', () => {
    const { diff } = unpacked([file(`${outside}/secret`, 'mine')]);
    expect(fs.readFileSync(path.join(diff, outside, 'secret'), 'utf8')).toBe('mine');
  });

  test.each<[string, (target: string) => Entry[]]>([
    ['a file', (t) => [symlink('e', t), file('e/secret', 'x')]],
    ['a folder', (t) => [symlink('e', t), dir('e/new')]],
    ['a hard link to a file', (t) => [symlink('e', t), hardlink('l', 'e/secret'), file('l', 'x')]],
    ['a hard link under a name', (t) => [file('f'), symlink('e', t), hardlink('e/new', 'f')]],
    ['a whiteout', (t) => [symlink('e', t), file('e/.wh.secret')]],
    ['an opaque folder', (t) => [symlink('e', t), file('e/.wh..wh..opq')]],
    ['a link on a link', (t) => [symlink('e', t), symlink('e2', 'e'), file('e2/secret', 'x')]],
  ])('%s through a link that leads outside stays inside', (_name, entries) => {
    for (const target of [outside, '../../outside', '/../../outside', '../'.repeat(40) + outside.slice(1)]) {
      const first = unpack(tar(entries(target)));
      expect(first.report).toMatchObject({ ok: true, needsParents: expect.anything() as unknown });
      // With a folder of that name inside, it is that one.
      const inside = path.posix.join('/', target).slice(1);
      const { diff } = unpack(tar([dir(inside), file(`${inside}/secret`, 'inner'), ...entries(target)]));
      expect(listing(diff).some((line) => line.includes(inside))).toBe(true);
    }
  });

  test('a file through a link to a file replaces the link', () => {
    const { diff } = unpacked([symlink('l', path.join(outside, 'secret')), file('l', 'mine')]);
    expect(listing(diff)).toEqual(['file 644 0:0 l "mine"']);
  });

  test('limits on entries, parents, bytes and names', () => {
    const many = tar(Array.from({ length: 20 }, (_, i) => file(`f${i}`)));
    expect(unpack(many, '--max-entries', '10').report).toMatchObject({ ok: false, code: 'too-large' });
    expect(unpack(tar([file('a/b/c/d/e/f/g', 'x')]), '--max-entries', '5').report).toMatchObject({ code: 'too-large' });
    const zeros = zlib.gzipSync(tar([file('z', 'a'.repeat(5_000_000))]));
    expect(unpack(zeros, '--max-expanded', '1000000').report).toMatchObject({ ok: false, code: 'too-large' });
    expect(unpack(zeros, '--max-compressed', '1000').report).toMatchObject({ ok: false, code: 'oversize' });
    expect(unpack(tar([file('abc/def/g')]), '--max-path', '8').report).toMatchObject({ ok: false, code: 'invalid' });
    const huge = file('s', '', {
      pax: {
        'GNU.sparse.major': '1',
        'GNU.sparse.minor': '0',
        'GNU.sparse.realsize': '9000000000000000',
        'GNU.sparse.name': 's',
      },
      data: '0\n',
    });
    expect(unpack(tar([huge]), '--max-expanded', '1000000000').report).toMatchObject({ ok: false });
  });

  test('a header that claims a huge name or attribute is refused without the memory for it', () => {
    for (const type of ['x', 'L'] as const) {
      const { report } = unpack(tar([{ name: 'h', type, size: 0o7777777777, data: 'x'.repeat(4096) }, file('f')]));
      expect(report).toMatchObject({ ok: false, code: 'invalid' });
    }
  });

  test('a map of holes that takes more memory than a layer may have', () => {
    const records = {
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.realsize': '9',
      'GNU.sparse.name': 's',
    };
    const count = 8_000_000;
    const map = Buffer.concat([Buffer.from(`${count}\n`), Buffer.alloc(count * 4, '0\n0\n')]);
    const bytes = zlib.gzipSync(tar([file('s', map, { pax: records })]), { level: 1 });
    expect(bytes.length).toBeLessThan(1_000_000);
    const staging = path.join(temp.path, `s${count}`);
    fs.mkdirSync(path.join(staging, 'diff'), { recursive: true });
    const run = spawnSync(unpackPath, ['apply', '--staging', staging], { input: bytes });
    expect(run.status).toBe(1);
    expect(JSON.parse(run.stdout.toString())).toMatchObject({ ok: false, code: 'too-large' });
  });

  test('a tree that is deeper than any path is made and removed again', () => {
    const chunk = Array.from({ length: 1500 }, () => 'd').join('/');
    const deeper = [
      file('x', '', { pax: { path: `${chunk}/f` } }),
      symlink('s', chunk),
      file('x', 'y', { pax: { path: `s/${chunk}/f` } }),
    ];
    const { diff, report } = unpack(tar([...deeper, file('d', 'flat')]));
    expect(report).toMatchObject({ ok: true });
    expect(listing(diff)).toEqual(['file 644 0:0 d "flat"', `link s -> ${chunk}`]);
  });
});
