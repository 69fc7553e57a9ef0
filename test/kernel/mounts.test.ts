import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Kernel } from '../../src/kernel';
import { Ground } from './support';

describe('mounts', () => {
  const ground = new Ground();
  const path = (...names: string[]) => join(ground.dir, ...names);
  const folder = (...names: string[]) => {
    mkdirSync(path(...names), { recursive: true });
    return path(...names);
  };
  const mountLine = (target: string) =>
    readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .find((line) => line.includes(` ${target} `));
  let kernel: Kernel;
  beforeAll(async () => {
    kernel = await ground.start();
  });
  afterEach(async () => {
    for (const name of ['merged', 'bound', 'tmp']) await kernel.unmount(path(name));
  });
  afterAll(() => ground.dispose());

  test('an overlay of 150 layers shows all of them, the topmost winning', async () => {
    const lowers = Array.from({ length: 150 }, (_, i) => {
      const dir = folder('layers', `${i}`.padStart(64, 'a'));
      writeFileSync(join(dir, `only-${i}`), `${i}`);
      writeFileSync(join(dir, 'shared'), `${i}`);
      return dir;
    });
    const writable = { upper: folder('upper'), work: folder('work'), volatile: true };
    const mount = { lowers, writable, target: folder('merged') };
    await kernel.mountOverlay(mount);
    expect(readFileSync(path('merged', 'shared'), 'utf8')).toBe('0');
    expect(readFileSync(path('merged', 'only-149'), 'utf8')).toBe('149');
    writeFileSync(path('merged', 'new'), 'x');
    expect(readFileSync(path('upper', 'new'), 'utf8')).toBe('x');
    const line = mountLine(path('merged'));
    expect(line).toContain('volatile');
    expect(line).toMatch(/redirect_dir=nofollow/);
    await kernel.unmount(path('merged'));
    expect(mountLine(path('merged'))).toBeUndefined();
  });

  test('folders below names that are longer than the kernel takes as an option', async () => {
    const deep = Array.from({ length: 6 }, (_, i) => `${i}`.repeat(60));
    const lowers = ['one', 'two'].map((name) => {
      writeFileSync(join(folder(...deep, name), name), name);
      return path(...deep, name);
    });
    const writable = { upper: folder(...deep, 'upper'), work: folder(...deep, 'work'), volatile: true };
    await kernel.mountOverlay({ lowers, writable, target: folder('merged') });
    expect(readdirSync(path('merged')).sort()).toEqual(['one', 'two']);
    writeFileSync(path('merged', 'new'), 'x');
    expect(readFileSync(path(...deep, 'upper', 'new'), 'utf8')).toBe('x');
  });

  test('without an upper layer nobody writes', async () => {
    writeFileSync(join(folder('low'), 'file'), 'x');
    await kernel.mountOverlay({ lowers: [path('low'), folder('bottom')], target: folder('merged') });
    expect(readFileSync(path('merged', 'file'), 'utf8')).toBe('x');
    expect(() => writeFileSync(path('merged', 'file'), 'y')).toThrow(/EROFS/);
  });

  describe('layers seen by a user namespace', () => {
    const map = [
      { containerId: 0, hostId: 100_000, length: 1000 },
      { containerId: 1000, hostId: 300_000, length: 64_536 },
    ];
    const idmap = { uids: map, gids: [{ containerId: 0, hostId: 200_000, length: 65_536 }] };
    const owner = (...names: string[]) => {
      const { uid, gid } = lstatSync(path(...names));
      return [uid, gid];
    };
    const layer = (name: string, file: string, uid: number, gid: number) => {
      writeFileSync(join(folder(name), file), name);
      chownSync(join(path(name), file), uid, gid);
      return path(name);
    };

    test('owners are mapped, each range by its own; what is written is the writer’s; the layers stay as they are', async () => {
      const lowers = [layer('map-top', 'app', 1000, 1000), layer('map-base', 'root', 0, 0)];
      layer('map-base', 'beyond', 70_000, 0);
      const writable = { upper: folder('map-upper'), work: folder('map-work'), volatile: false };
      const before = readFileSync('/proc/self/mountinfo', 'utf8');
      await kernel.mountOverlay({ lowers, writable, target: folder('merged'), idmap });
      expect([owner('merged', 'root'), owner('merged', 'app')]).toEqual([
        [100_000, 200_000],
        [300_000, 201_000],
      ]);
      expect(owner('merged', 'beyond')).toEqual([65_534, 200_000]);
      // Copied up by a chmod: the copy is its owner's, as the namespace sees it.
      chmodSync(path('merged', 'app'), 0o640);
      expect(owner('map-upper', 'app')).toEqual([300_000, 201_000]);
      unlinkSync(path('merged', 'root'));
      expect(lstatSync(path('map-upper', 'root')).isCharacterDevice()).toBe(true);
      expect(owner('map-top', 'app')).toEqual([1000, 1000]);
      // One mount more, and none of what it took to make it.
      const lines = (text: string) => text.split('\n').length;
      expect(lines(readFileSync('/proc/self/mountinfo', 'utf8'))).toBe(lines(before) + 1);
      expect(readdirSync(path('merged')).sort()).toEqual(['app', 'beyond']);
    });

    test('150 layers, read-only', async () => {
      const lowers = Array.from({ length: 150 }, (_, i) => layer(`map-${i}`, `file-${i}`, i, 0));
      await kernel.mountOverlay({ lowers, target: folder('merged'), idmap });
      expect(owner('merged', 'file-0')).toEqual([100_000, 200_000]);
      expect(owner('merged', 'file-149')).toEqual([100_149, 200_000]);
    });

    test('a map that the kernel refuses is named, and nothing is mounted', async () => {
      const overlapping = [map[0]!, { containerId: 5, hostId: 500_000, length: 10 }];
      const lowers = [layer('map-top', 'app', 0, 0), folder('bottom')];
      const mount = { lowers, target: folder('merged'), idmap: { uids: overlapping, gids: overlapping } };
      await expect(kernel.mountOverlay(mount)).rejects.toMatchObject({
        code: 'kernel-refused',
        message: expect.stringMatching(/uid_map.*0 100000 1000.*EINVAL/s) as string,
      });
      expect(mountLine(path('merged'))).toBeUndefined();
    });
  });

  describe('what a path names inside a root', () => {
    const bind = (name: string, inside: string) =>
      kernel.bindInRoot({ root: path('image'), path: inside, target: path(name) });
    beforeAll(() => {
      writeFileSync(join(folder('image', 'data', 'deep'), 'file'), 'inner');
      writeFileSync(join(folder('secret'), 'file'), 'outer');
      symlinkSync('/data', path('image', 'absolute'));
      symlinkSync('../secret', path('image', 'climbing'));
      symlinkSync('/proc/self/root/etc', path('image', 'magic'));
      execFileSync('mkfifo', [path('image', 'pipe')]);
    });
    afterEach(async () => {
      for (const name of ['part', 'part-file']) {
        await kernel.unmount(path(name));
        rmSync(path(name), { recursive: true, force: true });
      }
    });

    test.each(['data/deep', '/data/deep', 'absolute/deep', '../../data/deep'])(
      '%s is the folder inside',
      async (inside) => {
        expect(await bind('part', inside)).toBe(true);
        expect(readFileSync(path('part', 'file'), 'utf8')).toBe('inner');
        expect(() => writeFileSync(path('part', 'new'), 'x')).toThrow(/EROFS/);
      },
    );

    test('a file is bound to a file', async () => {
      expect(await bind('part-file', 'data/deep/file')).toBe(true);
      expect(readFileSync(path('part-file'), 'utf8')).toBe('inner');
    });

    test.each(['climbing', 'magic', 'absent', 'data/deep/file/below'])('%s is not there', async (inside) => {
      expect(await bind('part', inside)).toBe(false);
      expect(existsSync(path('part'))).toBe(false);
    });

    test('a pipe is refused, a place that is taken too', async () => {
      await expect(bind('part', 'pipe')).rejects.toThrow(/neither a folder nor a file/);
      folder('part');
      await expect(bind('part', 'data')).rejects.toThrow(/EEXIST/);
    });
  });

  test('a layer that is not there is named, and nothing is mounted', async () => {
    const lowers = [folder('one'), path('absent')];
    const writable = { upper: folder('u2'), work: folder('w2'), volatile: false };
    const mount = { lowers, writable, target: folder('merged') };
    await expect(kernel.mountOverlay(mount)).rejects.toMatchObject({
      code: 'kernel-refused',
      message: expect.stringMatching(/absent.*ENOENT/) as string,
    });
    expect(mountLine(path('merged'))).toBeUndefined();
  });

  test('a read-only bind refuses writes', async () => {
    writeFileSync(join(folder('source'), 'file'), 'x');
    await kernel.mountBind({ source: path('source'), target: folder('bound'), readonly: true, recursive: true });
    expect(readFileSync(path('bound', 'file'), 'utf8')).toBe('x');
    expect(() => writeFileSync(path('bound', 'file'), 'y')).toThrow(/EROFS/);
    writeFileSync(path('source', 'file'), 'z');
  });

  test('a tmpfs has its owner, size, mode and flags', async () => {
    const mount = {
      target: folder('tmp'),
      sizeBytes: 64 * 1024,
      mode: 0o1777,
      uid: 100_000,
      gid: 200_000,
      nosuid: true,
      nodev: true,
      noexec: true,
    };
    await kernel.mountTmpfs(mount);
    const { uid, gid, mode } = statSync(path('tmp'));
    expect([uid, gid, mode & 0o7777]).toEqual([100_000, 200_000, 0o1777]);
    expect(mountLine(path('tmp'))).toMatch(/nosuid,nodev,noexec.* - tmpfs .*size=64k/);
    expect(() => writeFileSync(path('tmp', 'big'), Buffer.alloc(128 * 1024))).toThrow(/ENOSPC/);
  });

  test('unmount takes every mount off a target, and none is success', async () => {
    folder('bound');
    for (let i = 0; i < 3; i++)
      await kernel.mountTmpfs({
        target: path('bound'),
        sizeBytes: 4096,
        mode: 0o755,
        nosuid: true,
        nodev: true,
        noexec: false,
      });
    await kernel.unmount(path('bound'));
    expect(mountLine(path('bound'))).toBeUndefined();
    await kernel.unmount(path('bound'));
    await kernel.unmount(path('nowhere'));
  });

  test('a tree is removed without following links', async () => {
    writeFileSync(join(folder('kept'), 'file'), 'x');
    folder('tree', 'a', 'b', 'c');
    symlinkSync(path('kept'), path('tree', 'a', 'link'));
    symlinkSync('/', path('tree', 'root'));
    for (let i = 0; i < 500; i++) writeFileSync(path('tree', 'a', 'b', `file-${i}`), '');
    await kernel.removeTree(path('tree'));
    expect(existsSync(path('tree'))).toBe(false);
    expect(existsSync(path('kept', 'file'))).toBe(true);
    await kernel.removeTree(path('tree'));
    symlinkSync(path('kept'), path('alias'));
    await kernel.removeTree(path('alias'));
    expect(existsSync(path('kept', 'file'))).toBe(true);
  });

  test('a tree with a mount in it keeps what is mounted', async () => {
    writeFileSync(join(folder('precious'), 'file'), 'x');
    const target = folder('doomed', 'deep', 'mnt');
    await kernel.mountBind({ source: path('precious'), target, readonly: false, recursive: false });
    await expect(kernel.removeTree(path('doomed'))).rejects.toMatchObject({
      message: expect.stringContaining('EBUSY') as string,
    });
    expect(existsSync(path('precious', 'file'))).toBe(true);
    await kernel.unmount(target);
    await kernel.removeTree(path('doomed'));
    expect(existsSync(path('doomed'))).toBe(false);
  });

  test('syncfs', async () => {
    await kernel.syncFs(ground.dir);
    await expect(kernel.syncFs(path('nowhere'))).rejects.toMatchObject({
      message: expect.stringContaining('ENOENT') as string,
    });
  });
});
