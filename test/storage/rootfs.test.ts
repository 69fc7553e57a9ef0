import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { DiskUsage, Storage } from '../../src/storage';
import { listing } from './support/files';
import { useStorages } from './support/open';
import { dir, file, hardlink, symlink } from './support/tar';

const openWith = useStorages();

const mounts = () => fs.readFileSync('/proc/self/mounts', 'utf8');

test('the merged tree is what the layers say', async () => {
  const { storage, chainIds } = await openWith(
    [
      dir('.', { mode: 0o711, uid: 3 }),
      dir('usr'),
      dir('usr/lib'),
      file('usr/lib/a', 'a'),
      symlink('lib', 'usr/lib'),
      dir('tmp', { mode: 0o1777 }),
      dir('old'),
      file('old/x', 'x'),
      dir('kept'),
      file('kept/1', '1'),
      file('gone'),
    ],
    [
      file('.wh.gone'),
      dir('old'),
      file('old/.wh..wh..opq'),
      file('old/y', 'y'),
      file('tmp/t', 't'),
      file('lib/b', 'b'),
    ],
    [hardlink('usr/lib/c', 'usr/lib/a'), file('kept/2', '2'), file('.wh.kept')],
  );
  const root = await storage.mountRootfs({ containerId: 'c1', chainIds });
  expect(root).toBe(storage.rootfsPath('c1'));
  expect(listing(root)).toEqual([
    'dir 755 0:0 kept',
    'file 644 0:0 kept/2 "2"',
    'link lib -> usr/lib',
    'dir 755 0:0 old',
    'file 644 0:0 old/y "y"',
    'dir 1777 0:0 tmp',
    'file 644 0:0 tmp/t "t"',
    'dir 755 0:0 usr',
    'dir 755 0:0 usr/lib',
    'file 644 0:0 usr/lib/a "a"',
    'file 644 0:0 usr/lib/b "b"',
    'file 644 0:0 usr/lib/c "a"',
  ]);
  const stat = fs.statSync(root);
  expect([stat.mode & 0o7777, stat.uid]).toEqual([0o711, 3]);
});

async function usageOf(storage: Storage, containerId: string): Promise<DiskUsage> {
  const usage = (await storage.containerUsage()).get(containerId);
  if (!usage) throw new Error(`nothing is told of ${containerId}`);
  return usage;
}

test('what a container writes is its own, outlives its mount, and is counted', async () => {
  const { storage, chainIds, layerDir } = await openWith([dir('d'), file('d/f', 'image')]);
  const root = await storage.mountRootfs({ containerId: 'c1', chainIds });
  const before = await usageOf(storage, 'c1');
  fs.writeFileSync(path.join(root, 'd/f'), 'c1');
  fs.writeFileSync(path.join(root, 'big'), Buffer.alloc(1_000_000, 1));
  fs.linkSync(path.join(root, 'big'), path.join(root, 'again'));
  const other = await storage.mountRootfs({ containerId: 'c2', chainIds });
  expect(fs.readFileSync(path.join(other, 'd/f'), 'utf8')).toBe('image');
  expect(fs.readFileSync(path.join(layerDir(chainIds[0] ?? ''), 'd/f'), 'utf8')).toBe('image');

  execFileSync('sync', ['-f', storage.containerDir('c1')]);
  const { bytes, inodes } = await usageOf(storage, 'c1');
  expect(Number(bytes - before.bytes)).toBeGreaterThan(1_000_000);
  expect(Number(bytes - before.bytes)).toBeLessThan(1_100_000);
  expect(inodes - before.inodes).toBe(3n);
  let rests = 0;
  const skipped = await storage.containerUsage({ skip: (id) => id === 'c1', rest: async () => void rests++ });
  expect([...skipped.keys()]).toEqual(['c2']);
  expect(rests).toBeGreaterThan(0);
  await expect(storage.containerUsage({ signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'call-cancelled',
  });

  await storage.unmountRootfs('c1');
  await storage.unmountRootfs('c1');
  expect(mounts()).not.toContain(storage.rootfsPath('c1'));
  // The upper layer was mounted volatile: a remount has to take its mark away.
  await storage.mountRootfs({ containerId: 'c1', chainIds });
  expect(fs.readFileSync(path.join(root, 'd/f'), 'utf8')).toBe('c1');
  // A mount that is there already is replaced, not stacked on.
  await storage.mountRootfs({ containerId: 'c1', chainIds });
  expect(
    mounts()
      .split('\n')
      .filter((line) => line.includes(root)).length,
  ).toBe(1);

  await storage.removeRootfs('c1');
  await storage.removeRootfs('c1');
  expect(fs.existsSync(storage.containerDir('c1')) || fs.existsSync(root)).toBe(false);
  expect(mounts()).not.toContain(root);
});

test('an image without layers is an empty root', async () => {
  const { storage } = await openWith();
  const root = await storage.mountRootfs({ containerId: 'c1', chainIds: [] });
  expect(listing(root)).toEqual([]);
  expect(fs.statSync(root).mode & 0o777).toBe(0o755);
  fs.writeFileSync(path.join(root, 'f'), 'x');
});

test('sixty layers', async () => {
  const layers = Array.from({ length: 60 }, (_, i) => [dir('.'), file(`f${i}`, String(i))]);
  const { storage, chainIds } = await openWith(...layers);
  expect(fs.readdirSync(await storage.mountRootfs({ containerId: 'c1', chainIds })).length).toBe(60);
});

test('a layer that is not there is named, and nothing is left', async () => {
  const { storage } = await openWith([file('f')]);
  const chainIds = [`sha256:${'0'.repeat(64)}`];
  await expect(storage.mountRootfs({ containerId: 'c1', chainIds })).rejects.toMatchObject({ code: 'layer-missing' });
  expect(fs.existsSync(storage.containerDir('c1'))).toBe(false);
});

test('a mount that fails is undone, and what the container has beside it stays', async () => {
  const { storage, chainIds, layerDir } = await openWith([file('f')]);
  fs.mkdirSync(storage.containerDir('c1'));
  fs.writeFileSync(path.join(storage.containerDir('c1'), 'config.json'), '{}');
  fs.rmSync(layerDir(chainIds[0] ?? ''), { recursive: true });
  await expect(storage.mountRootfs({ containerId: 'c1', chainIds })).rejects.toMatchObject({ code: 'kernel-refused' });
  expect(fs.readdirSync(storage.containerDir('c1'))).toEqual(['config.json']);
  expect(fs.existsSync(storage.rootfsPath('c1'))).toBe(false);
});

test.each(['', '..', 'a/b', '-x'])('%j is no id', async (id) => {
  const { storage } = await openWith();
  expect(() => storage.containerDir(id)).toThrow('not an id');
});

test.each([127, 200, 499])('%i layers', async (count) => {
  const layers = Array.from({ length: count }, (_, i) => [dir('.'), file(`f${i}`, String(i)), file('last', String(i))]);
  const { storage, chainIds } = await openWith(...layers);
  const root = await storage.mountRootfs({ containerId: 'c1', chainIds });
  expect(fs.readdirSync(root).length).toBe(count + 1);
  expect(fs.readFileSync(path.join(root, 'last'), 'utf8')).toBe(String(count - 1));
  const volume = await storage.mountVolume({ containerId: 'c1', index: 0, chainIds, subPath: '' });
  expect(fs.readdirSync(volume).length).toBe(count + 1);
});

/** Lets others pass through the run root, as through /run/berth; gives its path. */
function letPass({ rootfsPath }: Pick<Storage, 'rootfsPath'>): string {
  const runRoot = path.dirname(path.dirname(rootfsPath('x')));
  for (const folder of [path.dirname(runRoot), runRoot]) fs.chmodSync(folder, 0o711);
  return runRoot;
}

test('a user namespace sees its own owners, in a root that is its root’s', async () => {
  const { storage, chainIds, layerDir } = await openWith(
    [dir('.', { uid: 7, gid: 8 }), file('f', 'x', { uid: 1000, gid: 0 })],
    [file('g', 'y')],
  );
  const ids = [{ containerId: 0, hostId: 100_000, length: 65_536 }];
  const idmap = { uids: ids, gids: ids };
  letPass(storage);
  const root = await storage.mountRootfs({ containerId: 'c1', chainIds, idmap });
  const owner = (...names: string[]) => {
    const { uid, gid } = fs.statSync(path.join(...names));
    return [uid, gid];
  };
  expect([owner(root), owner(root, 'f'), owner(root, 'g')]).toEqual([
    [100_007, 100_008],
    [101_000, 100_000],
    [100_000, 100_000],
  ]);
  expect(owner(layerDir(chainIds[0] ?? ''), 'f')).toEqual([1000, 0]);
  const volume = await storage.mountVolume({ containerId: 'c1', index: 0, chainIds, subPath: '', idmap });
  expect(owner(volume, 'f')).toEqual([101_000, 100_000]);

  // The namespace's root walks to its own root; nobody else does.
  const passes = (place: string) => [...owner(place), fs.statSync(place).mode & 0o7777];
  expect(passes(path.dirname(root))).toEqual([0, 100_000, 0o710]);
  expect(passes(path.dirname(path.dirname(root)))).toEqual([0, 0, 0o711]);
  expect(await storage.mountedContainers()).toEqual(['c1']);
  fs.writeFileSync(path.join(root, 'made'), '');
  fs.chownSync(path.join(root, 'made'), 100_005, 100_006);
  const request = { containerId: 'c1', chainIds, idmap };
  const shown = (await storage.rootfsChanges(request)).entries.map(({ path: at, uid, gid }) => [at, uid, gid]);
  expect(shown).toEqual([['made', 5, 6]]);

  await storage.unmountRootfs('c1');
  await storage.unmountRootfs('c1');
  expect(fs.existsSync(path.dirname(root))).toBe(false);
  expect(await storage.mountRootfs(request)).toBe(root);
  expect(owner(root, 'made')).toEqual([100_005, 100_006]);
  await storage.removeRootfs('c1');
  expect([fs.existsSync(path.dirname(root)), await storage.mountedContainers()]).toEqual([false, []]);
});

test('a folder that does not let a user namespace’s root pass is named, and nothing is left', async () => {
  const { storage, chainIds } = await openWith([file('f', 'x')]);
  const ids = [{ containerId: 0, hostId: 100_000, length: 65_536 }];
  const request = { containerId: 'c1', chainIds, idmap: { uids: ids, gids: ids } };
  const runRoot = letPass(storage);
  fs.chmodSync(runRoot, 0o700);
  await expect(storage.mountRootfs(request)).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringMatching(new RegExp(`cannot pass through ${runRoot} .*chmod o\\+x`)) as string,
  });
  expect(await storage.mountedContainers()).toEqual([]);
  expect(fs.readdirSync(storage.containerDir('c1'))).toEqual([]);
  fs.chmodSync(runRoot, 0o711);
  await storage.mountRootfs(request);
});

describe('image volumes', () => {
  const volumes = async () => {
    const one = await openWith([
      dir('data'),
      file('data/f', 'inner'),
      symlink('out', '../../../../etc'),
      symlink('in', '/data'),
    ]);
    const mount = (index: number, subPath = '') =>
      one.storage.mountVolume({ containerId: 'c1', index, chainIds: one.chainIds, subPath });
    return { ...one, mount };
  };
  const mountsOf = (place: string) =>
    mounts()
      .split('\n')
      .filter((line) => line.includes(place)).length;

  test('an image whole, and a part of it, read-only; both go with the container', async () => {
    const { mount, storage } = await volumes();
    const whole = await mount(0);
    const part = await mount(1, 'in');
    expect(fs.readFileSync(path.join(whole, 'data/f'), 'utf8')).toBe('inner');
    expect(fs.readdirSync(part)).toEqual(['f']);
    for (const place of [whole, part]) expect(() => fs.writeFileSync(path.join(place, 'x'), '')).toThrow(/EROFS/);
    expect([mountsOf(path.dirname(whole)), mountsOf(path.dirname(part))]).toEqual([1, 1]);
    await storage.unmountRootfs('c1');
    await storage.unmountRootfs('c1');
    expect(mountsOf(path.dirname(path.dirname(whole)))).toBe(0);
    expect(fs.existsSync(path.dirname(path.dirname(whole)))).toBe(false);
  });

  test('an image without layers is an empty folder', async () => {
    const { storage } = await openWith();
    expect(
      fs.readdirSync(await storage.mountVolume({ containerId: 'c1', index: 0, chainIds: [], subPath: '' })),
    ).toEqual([]);
  });

  test('a file can be a part', async () => {
    const { mount } = await volumes();
    expect(fs.readFileSync(await mount(0, 'data/f'), 'utf8')).toBe('inner');
  });

  test.each(['absent', 'data/f/below', 'out/passwd'])('%s is not there, and nothing is left', async (subPath) => {
    const { mount, root } = await volumes();
    await expect(mount(3, subPath)).rejects.toMatchObject({ code: 'path-not-found' });
    const place = path.join(path.dirname(root), 'run', 'volumes', 'c1');
    expect(fs.readdirSync(place)).toEqual([]);
    expect(mountsOf(place)).toBe(0);
  });

  test('a layer that is not there is named', async () => {
    const { storage } = await volumes();
    const request = { containerId: 'c1', index: 0, chainIds: [`sha256:${'0'.repeat(64)}`], subPath: '' };
    await expect(storage.mountVolume(request)).rejects.toMatchObject({ code: 'layer-missing' });
  });
});
