import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limitIn } from '../../src/kernel/cgroup-limits';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'berth-limits-'));
  await mkdir(join(dir, 'one'));
  await writeFile(join(dir, 'one', 'hugetlb.2MB.limit_in_bytes'), '5');
});
afterEach(async () => rm(dir, { recursive: true }));

const limit = (path: string, files: Readonly<Record<string, string>>) =>
  limitIn([{ dir, version: 1, controllers: ['hugetlb'] }], path, files);

test('files are written where their controller is', async () => {
  await limit('/one', { 'hugetlb.2MB.limit_in_bytes': '7' });
  expect(await readFile(join(dir, 'one', 'hugetlb.2MB.limit_in_bytes'), 'utf8')).toBe('7');
});

test('a limit that the kernel has not is what was asked for, not a fault', async () => {
  await expect(limit('/one', { 'hugetlb.3MB.limit_in_bytes': '0' })).rejects.toMatchObject({
    code: 'container-limits',
    message: expect.stringMatching(/limit cgroup: .*\/one\/hugetlb\.3MB\.limit_in_bytes: ENOENT/) as string,
  });
});

test('a cgroup that is gone, and a controller that is nowhere, are the kernel’s affair', async () => {
  await expect(limit('/other', { 'hugetlb.2MB.limit_in_bytes': '0' })).rejects.toMatchObject({
    code: 'kernel-refused',
  });
  await expect(limit('/one', { 'memory.limit_in_bytes': '0' })).rejects.toMatchObject({ code: 'kernel-refused' });
});
