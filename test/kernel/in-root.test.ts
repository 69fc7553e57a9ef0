import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kernel } from '../../src/kernel';
import { Ground } from './support';

describe('inside a root', () => {
  const ground = new Ground();
  const root = join(ground.dir, 'root');
  let kernel: Kernel;
  beforeAll(async () => {
    kernel = await ground.start();
    mkdirSync(join(root, 'etc'), { recursive: true });
    writeFileSync(join(root, 'etc/passwd'), 'inner');
    writeFileSync(join(ground.dir, 'secret'), 'outer');
    symlinkSync('/etc/passwd', join(root, 'absolute'));
    symlinkSync('../../../../../../etc/passwd', join(root, 'etc/climbing'));
    symlinkSync('../secret', join(root, 'sibling'));
    symlinkSync('/etc', join(root, 'folder'));
    symlinkSync('loop', join(root, 'loop'));
    symlinkSync('/nowhere', join(root, 'dangling'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
  });
  afterAll(() => ground.dispose());

  test.each(['etc/passwd', '/etc/passwd', 'absolute', 'etc/climbing', 'folder/passwd', '../../etc/passwd'])(
    '%s is the file inside',
    async (path) => {
      expect((await kernel.readInRoot(root, path, 100))?.toString()).toBe('inner');
    },
  );

  test.each(['sibling', 'etc/absent', 'etc/passwd/below', 'dangling'])('%s is not there', async (path) => {
    expect(await kernel.readInRoot(root, path, 100)).toBeUndefined();
  });

  test.each([
    ['etc', /EISDIR/],
    ['loop', /ELOOP/],
    ['pipe', /no regular file/],
  ])('%s is refused', async (path, message) => {
    await expect(kernel.readInRoot(root, path, 100)).rejects.toMatchObject({
      message: expect.stringMatching(message) as string,
    });
  });

  test('a file beyond the maximum is refused, one of just that size is read', async () => {
    expect((await kernel.readInRoot(root, 'etc/passwd', 5))?.length).toBe(5);
    await expect(kernel.readInRoot(root, 'etc/passwd', 4)).rejects.toMatchObject({
      message: expect.stringContaining('EFBIG') as string,
    });
    writeFileSync(join(root, 'large'), Buffer.alloc(1024 * 1024, 1));
    expect((await kernel.readInRoot(root, 'large', 1 << 30))?.length).toBe(1024 * 1024);
  });

  test('folders are made behind links, inside, with owner and mode', async () => {
    await kernel.mkdirInRoot(root, '/folder/new/deep', 0o1770, 1000, 1001);
    const made = statSync(join(root, 'etc/new/deep'));
    expect([made.mode & 0o7777, made.uid, made.gid]).toEqual([0o1770, 1000, 1001]);
    const parent = statSync(join(root, 'etc/new'));
    expect([parent.mode & 0o7777, parent.uid, parent.gid]).toEqual([0o755, 1000, 1001]);
    await kernel.mkdirInRoot(root, '/folder/new/deep/', 0o700, 0, 0);
    expect(statSync(join(root, 'etc/new/deep')).uid).toBe(1000);
  });

  test('a climbing path stays inside', async () => {
    await kernel.mkdirInRoot(root, '../../outside', 0o755, 0, 0);
    expect(existsSync(join(root, 'outside'))).toBe(true);
    expect(existsSync(join(ground.dir, 'outside'))).toBe(false);
  });

  test.each([
    ['/etc/passwd', /ENOTDIR/],
    ['/etc/passwd/x', /ENOTDIR/],
    ['/dangling/x', /leads nowhere/],
  ])('%s cannot be a folder', async (path, message) => {
    const call = kernel.mkdirInRoot(root, path, 0o755, 0, 0);
    await expect(call).rejects.toMatchObject({ message: expect.stringMatching(message) as string });
    expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toBe('inner');
    expect(existsSync('/nowhere')).toBe(false);
  });
});
