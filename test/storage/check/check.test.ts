import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { Kernel } from '../../../src/kernel';
import { openKernel, openStorage, type Opened } from '../support/open';
import { base, findings, never, places, shapes, sourcesOf, layer } from './fixture';
import { dir, file, tar, type Entry } from '../support/tar';

let kernel: Kernel;
let closeKernel: () => Promise<void>;
const opened: Opened[] = [];
beforeAll(async () => ({ kernel, close: closeKernel } = await openKernel()));
afterEach(() => opened.splice(0).forEach((one) => one.remove()));
afterAll(() => closeKernel());

async function open(...options: Parameters<typeof openStorage> extends [unknown, ...infer Rest] ? Rest : never) {
  const one = await openStorage(kernel, ...options);
  opened.push(one);
  return one;
}

const fromNowhere = () => Promise.reject(new Error('no registry'));
const offline = (sources: ReturnType<typeof sourcesOf>) => sources.map((source) => ({ ...source, open: fromNowhere }));
const staging = (one: Opened) => fs.readdirSync(path.join(one.root, 'staging'));

/** Everything that is known of a tree but times of access. */
const treeOf = (dir: string) =>
  execFileSync(
    'sh',
    [
      '-c',
      'cd "$0"; find . -printf "%p %y %m %U:%G %s %T@ %n %l\n" | sort; find . -type f -exec sha256sum {} + | sort',
      dir,
    ],
    {
      encoding: 'utf8',
    },
  );

test('no shape of a layer is taken for damage, and looking changes nothing', async () => {
  const one = await open();
  const sources = sourcesOf(Object.values(shapes));
  await one.storage.addLayers(sources, never);
  const before = treeOf(path.join(one.root, 'layers'));
  expect(await findings(one, sources)).toEqual({});
  expect(await findings(one, sources, true)).toEqual({});
  expect(treeOf(path.join(one.root, 'layers'))).toBe(before);
  expect(staging(one)).toEqual([]);
});

test('a layer is told to be damaged, not those above it; all of them made anew are whole', async () => {
  const one = await open();
  const sources = sourcesOf(Object.values(shapes));
  await one.storage.addLayers(sources, never);
  const { dir } = places(one, sources[0]);
  fs.chmodSync(path.join(dir, 'tmp'), 0o700);
  fs.chownSync(path.join(dir, 'usr/lib'), 5, 5);
  expect(await findings(one, sources)).toEqual({
    0: ['layer-damaged: 2 paths differ: tmp mode is 700 instead of 1777; usr/lib owner is 5:5 instead of 0:0'],
  });
  const all = new Set(sources.map(({ chainId }) => chainId));
  await one.storage.check.mend(offline(sources), all, never);
  expect(await findings(one, sources)).toEqual({});
  // What was not damaged has not been touched.
  expect((await one.storage.check.aside()).map(({ name }) => name)).toEqual([sources[0]?.chainId.slice(7)]);
  expect(staging(one)).toEqual([]);
});

const at = (one: Opened) => places(one, sourcesOf([base])[0]);
const inLayer = (name: string, change: (name: string) => void) => (one: Opened) => change(path.join(at(one).dir, name));

describe('damage is found, named, mended from the layer’s own blob, and kept', () => {
  const cases: [string, (one: Opened) => void, string][] = [
    ['a flipped byte', inLayer('usr/lib/libc', flip), 'usr/lib/libc contents differ from byte 200000 on'],
    ['a file cut short', inLayer('usr/lib/libc', (name) => fs.truncateSync(name, 10)), 'size is 10 instead of 300000'],
    ['an emptied file', inLayer('etc/passwd', (name) => fs.truncateSync(name)), 'etc/passwd size is 0 instead of 11'],
    ['another mode', inLayer('etc/passwd', (name) => fs.chmodSync(name, 0o666)), 'mode is 666 instead of 600'],
    ['another owner', inLayer('lib', (name) => fs.lchownSync(name, 9, 9)), 'lib owner is 9:9 instead of 0:0'],
    [
      'another time',
      inLayer('etc/hosts', (name) => fs.utimesSync(name, 1, 2)),
      'etc/hosts time of change is 2.000000000',
    ],
    [
      'another attribute',
      inLayer('etc/hosts', (name) =>
        attribute('user.key', name, file('', 'localhost\n', { pax: { mtime: '1500000000.123456789' } })),
      ),
      'attribute user.key has another value',
    ],
    [
      'an attribute too many',
      inLayer('opt', (name) => attribute('trusted.overlay.opaque', name, dir(''))),
      'opaque does not belong',
    ],
    ['a missing file', inLayer('opt/old', (name) => fs.rmSync(name)), 'opt/old is missing'],
    [
      'a file too many',
      inLayer('opt/new', (name) => fs.writeFileSync(name, '')),
      'opt/new does not belong to the layer',
    ],
    ['another link', inLayer('lib', relink), 'lib leads to usr/lob'],
    ['a file in a folder’s place', inLayer('opt', fileInPlace), 'opt is a file instead of a folder'],
    ['a hard link that became a file', inLayer('usr/lib/libc.so', unlinked), 'no longer one file with its other names'],
    ['an empty folder in its place', (one) => emptied(at(one).dir), 'is missing'],
  ];

  test.each(cases)('%s', async (_what, damage, said) => {
    const one = await open();
    const sources = sourcesOf([base]);
    await one.storage.addLayers(sources, never);
    const before = treeOf(at(one).dir);
    const usage = one.storage.imageUsage();
    damage(one);
    const damaged = treeOf(at(one).dir);
    expect(await findings(one, sources)).toEqual({ 0: [expect.stringMatching(`^layer-damaged: .*${said}`)] });

    await one.storage.check.mend(offline(sources), new Set([sources[0]?.chainId ?? '']), never);
    expect(await findings(one, sources)).toEqual({});
    expect(treeOf(at(one).dir)).toBe(before);
    expect(one.storage.imageUsage()).toEqual(usage);
    const [aside] = await one.storage.check.aside();
    expect(treeOf(aside?.path ?? '')).toBe(damaged);
    if (aside) await one.storage.check.discard(aside);
    expect(await one.storage.check.aside()).toEqual([]);
    expect(staging(one)).toEqual([]);
  });

  test('no folder at all, or something else in its place, also to a quick look', async () => {
    const one = await open();
    const sources = sourcesOf([base]);
    await one.storage.addLayers(sources, never);
    for (const replace of [
      () => undefined,
      () => fs.symlinkSync('/etc', at(one).dir),
      () => fs.writeFileSync(at(one).dir, ''),
    ]) {
      fs.rmSync(at(one).dir, { recursive: true });
      replace();
      for (const quick of [true, false]) {
        expect(await findings(one, sources, quick)).toEqual({ 0: [expect.stringMatching(/^layer-missing: /)] });
      }
      await one.storage.check.mend(offline(sources), new Set([sources[0]?.chainId ?? '']), never);
      expect(await findings(one, sources)).toEqual({});
    }
  });
});

describe('a damaged blob', () => {
  const sources = sourcesOf([base, layer(file('etc/more', 'more'))]);
  const cases: [string, (blob: string) => void, boolean, RegExp][] = [
    ['a flipped byte', (blob) => flip(blob, 100), false, /^blob-damaged: its blob: expected sha256:/],
    ['cut short', (blob) => fs.truncateSync(blob, 100), true, /^blob-damaged: its blob/],
    ['emptied', (blob) => fs.truncateSync(blob), true, /^blob-damaged: its blob/],
    ['missing', (blob) => fs.rmSync(blob), true, /^blob-missing: its blob sha256:\S+ is not there/],
    ['a folder', (blob) => (fs.rmSync(blob), fs.mkdirSync(blob)), true, /^blob-damaged: its blob/],
  ];

  test.each(cases)(
    '%s: is named, and fetched again; the layer is left as it is',
    async (_what, damage, quickly, said) => {
      const one = await open();
      await one.storage.addLayers(sources, never);
      const { blob, dir } = places(one, sources[0]);
      const { ino } = fs.statSync(dir);
      damage(blob);
      expect(await findings(one, sources)).toEqual({ 0: [expect.stringMatching(said)] });
      expect(await findings(one, sources, true)).toEqual(quickly ? { 0: [expect.stringMatching(said)] } : {});

      const bad = new Set([sources[0]?.chainId ?? '']);
      await expect(one.storage.check.mend(offline(sources), bad, never)).rejects.toThrow('no registry');
      await one.storage.check.mend(sources, bad, never);
      expect(await findings(one, sources)).toEqual({});
      expect(fs.statSync(dir).ino).toBe(ino);
      expect(fs.readFileSync(blob)).toEqual(base.blob);
      expect(staging(one)).toEqual([]);
    },
  );

  test('with a damaged folder: both are made anew, from the source', async () => {
    const one = await open();
    await one.storage.addLayers(sources, never);
    const { blob, dir } = places(one, sources[0]);
    flip(blob, 100);
    fs.truncateSync(path.join(dir, 'etc/passwd'));
    const bad = new Set([sources[0]?.chainId ?? '']);
    await expect(one.storage.check.mend(offline(sources), bad, never)).rejects.toThrow('no registry');
    expect(fs.statSync(path.join(dir, 'etc/passwd')).size).toBe(0);
    await one.storage.check.mend(sources, bad, never);
    expect(await findings(one, sources)).toEqual({});
    expect(fs.readFileSync(path.join(dir, 'etc/passwd'), 'utf8')).toBe('root:x:0:0\n');
  });
});

test('a layer without a record is made anew from its blob, and gets its record back', async () => {
  const one = await open();
  const sources = sourcesOf(Object.values(shapes));
  await one.storage.addLayers(sources, never);
  const records = [...one.table.values()];
  const lost = sources[2]?.chainId ?? '';
  await one.table.delete(lost);
  expect(one.storage.hasLayers([lost])).toBe(false);
  await one.storage.check.mend(offline(sources), new Set(), never);
  expect(new Set(one.table.values())).toEqual(new Set(records));
  expect(await findings(one, sources)).toEqual({});
});

test('leftovers are told, and removed only when asked to', async () => {
  const one = await open();
  const sources = sourcesOf([base]);
  await one.storage.addLayers(sources, never);
  const keep = [{ layers: [], chainIds: sources.map(({ chainId }) => chainId), blobs: [] }];
  expect(await one.storage.check.leftovers(keep, false)).toEqual([]);
  const left = [path.join(one.root, 'layers', 'f'.repeat(64)), path.join(one.root, 'blobs/sha256', 'e'.repeat(64))];
  left.forEach((name) => fs.mkdirSync(path.join(name, 'deep'), { recursive: true }));
  expect(await one.storage.check.leftovers(keep, false)).toEqual(left);
  expect(await one.storage.check.leftovers(keep, true)).toEqual(left);
  expect(await one.storage.check.leftovers(keep, false)).toEqual([]);
  expect(await findings(one, sources)).toEqual({});
});

test('a check that is given up leaves nothing', async () => {
  const one = await open();
  const sources = sourcesOf(Object.values(shapes));
  await one.storage.addLayers(sources, never);
  fs.chmodSync(path.join(places(one, sources[0]).dir, 'etc'), 0o700);
  for await (const { damages } of one.storage.check.layers({ quick: false, sizes: new Map() }, never)) {
    expect(damages).toHaveLength(1);
    break;
  }
  expect(staging(one)).toEqual([]);
  const giveUp = new AbortController();
  const aborted = (async () => {
    for await (const { done } of one.storage.check.layers({ quick: false, sizes: new Map() }, giveUp.signal)) {
      if (done === 3) giveUp.abort();
    }
  })();
  await expect(aborted).rejects.toMatchObject({ code: 'call-cancelled' });
  expect(staging(one)).toEqual([]);
});

test('a container that has a damaged layer mounted keeps it, also what it has not looked at yet', async () => {
  const one = await open();
  const sources = sourcesOf([base, layer(file('etc/more', 'more'))]);
  await one.storage.addLayers(sources, never);
  const chainIds = sources.map(({ chainId }) => chainId);
  const old = await one.storage.mountRootfs({ containerId: 'old', chainIds });
  const { dir } = places(one, sources[0]);
  fs.chmodSync(path.join(dir, 'etc/passwd'), 0o644);
  await one.storage.check.mend(offline(sources), new Set(chainIds.slice(0, 1)), never);

  // Neither folder nor file has been looked up through this mount before.
  expect(fs.readFileSync(path.join(old, 'usr/lib/libc')).length).toBe(300_000);
  expect(fs.statSync(path.join(old, 'etc/passwd')).mode & 0o777).toBe(0o644);
  expect(fs.readdirSync(path.join(old, 'etc')).sort()).toEqual(['hosts', 'more', 'passwd']);
  fs.appendFileSync(path.join(old, 'etc/hosts'), 'copied up\n');
  fs.renameSync(path.join(old, 'etc/hosts'), path.join(old, 'etc/hosts.new'));

  const fresh = await one.storage.mountRootfs({ containerId: 'fresh', chainIds });
  expect(fs.statSync(path.join(fresh, 'etc/passwd')).mode & 0o777).toBe(0o600);
  expect(fs.readFileSync(path.join(fresh, 'etc/hosts'), 'utf8')).toBe('localhost\n');
  expect(await findings(one, sources)).toEqual({});
  for (const id of ['old', 'fresh']) await one.storage.removeRootfs(id);
});

function flip(name: string, at = 200_000): void {
  const { mtimeMs } = fs.statSync(name);
  const bytes = fs.readFileSync(name);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  fs.writeFileSync(name, bytes);
  fs.utimesSync(name, 1, mtimeMs / 1000);
}

/** By GNU tar: Node has no call for attributes. */
function attribute(key: string, name: string, entry: Entry): void {
  const input = tar([{ ...entry, name: path.basename(name), pax: { ...entry.pax, [`SCHILY.xattr.${key}`]: 'other' } }]);
  execFileSync('tar', ['--xattrs', '--xattrs-include=*', '-xf', '-', '-C', path.dirname(name)], { input });
}

function relink(name: string): void {
  const parent = fs.statSync(path.dirname(name));
  fs.rmSync(name);
  fs.symlinkSync('usr/lob', name);
  fs.lutimesSync(name, 1_600_000_000, 1_600_000_000);
  fs.utimesSync(path.dirname(name), 1, parent.mtimeMs / 1000);
}

function fileInPlace(name: string): void {
  fs.rmSync(name, { recursive: true });
  fs.writeFileSync(name, '');
}

function unlinked(name: string): void {
  const bytes = fs.readFileSync(name);
  fs.rmSync(name);
  fs.writeFileSync(name, bytes);
  fs.utimesSync(name, 1, 1_600_000_000);
}

function emptied(name: string): void {
  fs.rmSync(name, { recursive: true });
  fs.mkdirSync(name);
}
