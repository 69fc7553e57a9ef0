import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeNamespacedAuth } from '../../../src/image/credentials';

let dir: string;
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'berth-auth-'))));
afterEach(() => rm(dir, { recursive: true, force: true }));

const repository = 'docker.io/library/busybox';
const name = `shop-${createHash('sha256').update(repository).digest('hex')}.json`;
const content = JSON.stringify({ auths: { 'docker.io': { username: 'u', password: 'p' } } });

test('it serves once, whoever of many comes first', async () => {
  await writeFile(join(dir, name), content);
  const taken = await Promise.all(Array.from({ length: 8 }, () => takeNamespacedAuth(dir, 'shop', repository)));
  expect(taken.filter((file) => file !== undefined)).toMatchObject([{ path: join(dir, name) }]);
  expect(await readdir(dir)).toEqual([]);
  expect(await takeNamespacedAuth(dir, 'shop', repository)).toBeUndefined();
});

test('another namespace or repository has none, nor has a folder that is not there', async () => {
  await writeFile(join(dir, name), content);
  expect(await takeNamespacedAuth(dir, 'other', repository)).toBeUndefined();
  expect(await takeNamespacedAuth(dir, 'shop', 'docker.io/library/nginx')).toBeUndefined();
  expect(await takeNamespacedAuth('', 'shop', repository)).toBeUndefined();
  expect(await takeNamespacedAuth(join(dir, 'nope'), 'shop', repository)).toBeUndefined();
  expect(await readdir(dir)).toEqual([name]);
});

test('a namespace that is none leads nowhere', async () => {
  await mkdir(join(dir, 'auth'));
  await writeFile(join(dir, name), content);
  expect(await takeNamespacedAuth(join(dir, 'auth'), '../shop', repository)).toBeUndefined();
  expect(await readdir(dir)).toContain(name);
});

test('a broken one is named and gone, its content is not told', async () => {
  await writeFile(join(dir, name), '{"auths": SECRET');
  await expect(takeNamespacedAuth(dir, 'shop', repository)).rejects.toMatchObject({
    code: 'config-invalid',
    object: join(dir, name),
    message: expect.not.stringContaining('SECRET') as string,
  });
  expect(await readdir(dir)).toEqual([]);
});
