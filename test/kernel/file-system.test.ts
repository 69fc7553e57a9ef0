import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { blockDeviceFile, fileSystemOf } from '../../src/kernel';
import { mountedFrom } from '../../src/kernel/file-system';

const mounts = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
28 27 254:16 / /var/lib rw,relatime shared:7 - ext4 /dev/vdb rw
29 27 254:32 / /var/lib/with\\040blank rw master:1 - xfs /dev/mapper/a\\040b rw
30 28 0:50 / /var/lib/berth rw - btrfs /dev/vdc rw,subvol=/a
31 28 0:51 / /var/lib/berth rw - btrfs /dev/vdd rw,subvol=/b
`;

test.each([
  ['/', '/dev/vda'],
  ['/home/x', '/dev/vda'],
  ['/var/lib', '/dev/vdb'],
  ['/var/library', '/dev/vda'],
  ['/var/lib/with blank/x', '/dev/mapper/a b'],
  // Of two on one folder the last one is seen.
  ['/var/lib/berth/containers', '/dev/vdd'],
])('%s is on %s', (path, source) => {
  expect(mountedFrom(mounts, path)).toBe(source);
});

test('a file system has the size that df tells', async () => {
  const fields = (what: string) =>
    execFileSync('df', ['-B1', `--output=${what}`, '/'], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .at(-1)
      ?.trim();
  const found = await fileSystemOf('/');
  expect(found.device).toBe(fields('source'));
  expect(String(found.bytes)).toBe(fields('size'));
  expect(String(found.inodes ?? 0n)).toBe(fields('itotal'));
  await expect(fileSystemOf('/nowhere/at/all')).rejects.toMatchObject({
    code: 'kernel-refused',
    message: expect.stringContaining('/nowhere/at/all') as string,
  });
});

test('a block device has a file, and numbers that are nobody’s have none', () => {
  const [numbers = ''] = readdirSync('/sys/dev/block');
  const [major, minor] = numbers.split(':').map(Number);
  expect(blockDeviceFile(major ?? 0, minor ?? 0)).toMatch(/^\/dev\/\w/);
  expect(blockDeviceFile(0, 1_048_575)).toBeUndefined();
});
