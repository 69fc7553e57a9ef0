import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
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
    const mount = { lowers, upper: folder('upper'), work: folder('work'), target: folder('merged'), volatile: true };
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

  test('a layer that is not there is named, and nothing is mounted', async () => {
    const lowers = [folder('one'), path('absent')];
    const mount = { lowers, upper: folder('u2'), work: folder('w2'), target: folder('merged'), volatile: false };
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

  test('a tmpfs has its size, mode and flags', async () => {
    const mount = {
      target: folder('tmp'),
      sizeBytes: 64 * 1024,
      mode: 0o1777,
      nosuid: true,
      nodev: true,
      noexec: true,
    };
    await kernel.mountTmpfs(mount);
    expect(statSync(path('tmp')).mode & 0o7777).toBe(0o1777);
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
