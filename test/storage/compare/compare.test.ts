import fs from 'node:fs';
import path from 'node:path';
import type { Kernel } from '../../../src/kernel';
import { slow } from '../../slow.cjs';
import { tempDir } from '../support/files';
import { openKernel } from '../support/open';
import { dir, file, hardlink, symlink, tar } from '../support/tar';
import { differences } from './compare';
import { writeLayout, type OciLayout } from './oci-layout';
import { byBuildah, byDockerSave, byTar, byUmoci, copy, run } from './tools';

let kernel: Kernel;
let closeKernel: () => Promise<void>;
beforeAll(async () => ({ kernel, close: closeKernel } = await openKernel()));
afterAll(() => closeKernel());

const base = `
  mkdir -p bin etc/conf.d home/u tmp usr/lib var/spool
  cp "$(command -v busybox)" bin/busybox
  ln bin/busybox bin/sh; ln -s busybox bin/ls; ln -s /usr/lib lib
  head -c 300000 /dev/urandom > usr/lib/data
  echo hello > etc/motd; echo x > etc/conf.d/x; touch -d 2001-02-03T04:05:06.123456789 etc/motd
  chmod 1777 tmp; chmod 4755 bin/busybox; chmod 2750 var/spool
  chown -R 1000:70000 home/u; mkfifo var/spool/pipe; mknod var/null c 1 3
  touch -d 1999-01-01T00:00:00.5 var/spool home usr`;
const changes = `
  rm -r etc/conf.d; echo more >> etc/motd; mkdir -p home/u/deep/er; echo d > home/u/deep/er/file
  rm var/null; mkdir var/null; echo now a folder > var/null/file; chmod 700 usr`;
const more = `
  rm -r home/u; ln -s ../tmp home/u; rm var/spool/pipe; echo p > var/spool/pipe
  mkdir -p etc/conf.d; echo y > etc/conf.d/y; ln etc/motd etc/motd2`;

/** Each makes an image below the folder; a pair if umoci cannot read what berth is to read. */
const images: Record<string, (dir: string) => OciLayout | { readonly theirs: OciLayout; readonly ours: OciLayout }> = {
  'by umoci, three layers': (at) => byUmoci(at, [base, changes, more]),
  'by buildah, OCI': (at) => byBuildah(at, 'oci', [base, changes, more]),
  'by buildah, Docker format': (at) => byBuildah(at, 'docker', [base, more]),
  'by umoci, through a docker archive of skopeo': (at) => {
    const made = byUmoci(at, [base, changes]);
    run('skopeo', '--insecure-policy', 'copy', '-q', `oci:${made.dir}:a`, `docker-archive:${at}/image.tar:t/i:a`);
    return copy(`docker-archive:${at}/image.tar`, path.join(at, 'back'));
  },
  'by umoci, recompressed with zstd by skopeo': (at) => {
    const made = byUmoci(at, [base, changes, more]);
    const zstd = ['--dest-compress', '--dest-compress-format', 'zstd'];
    return { theirs: made, ours: copy(`oci:${made.dir}:a`, path.join(at, 'zstd'), ...zstd) };
  },
  'by docker save, layers of GNU tar in its formats': (at) => {
    const long = `mkdir -p etc ${'n'.repeat(90)}/${'m'.repeat(120)}; ln -s ${'t'.repeat(150)} etc/l`;
    const holes = 'echo start > holes; truncate -s 20M holes; echo end >> holes';
    const layers = (sparse: readonly string[]): Buffer[] => [
      byTar(at, 'one', base, '--format=gnu'),
      byTar(at, 'two', long, '--format=gnu'),
      byTar(at, 'three', 'echo u > u; chown 3000000:3000001 u', '--format=gnu'),
      byTar(at, 'four', 'echo old > v', '--format=v7'),
      ...['gnu', 'pax'].map((format) => byTar(at, `holes-${format}`, holes, `--format=${format}`, ...sparse)),
    ];
    // umoci does not know GNU's old sparse files.
    const theirs = byDockerSave(path.join(at, 'theirs'), layers([]));
    return { theirs, ours: byDockerSave(path.join(at, 'ours'), layers(['--sparse'])) };
  },
  'attributes, capabilities, devices, times to the nanosecond': (at) =>
    byDockerSave(at, [
      tar([
        dir('.'),
        dir('d', { pax: { mtime: '1700000000.123456789', 'SCHILY.xattr.user.dir': 'of a folder' } }),
        file('d/bin', 'x', {
          mode: 0o755,
          pax: { mtime: '1600000000.000000001', 'SCHILY.xattr.user.binary': Buffer.from([0, 1, 2, 255, 10, 61]) },
        }),
        // One attribute each: the order in which the kernel lists them is that in which they were set.
        file('d/ping', 'x', {
          pax: { 'SCHILY.xattr.security.capability': Buffer.from('0100000202000000000000000000000000000000', 'hex') },
        }),
        file('d/suid', 'x', { mode: 0o6755, uid: 5, gid: 6 }),
        { name: 'd/zero', type: '3', dev: [1, 5], mode: 0o666 },
        { name: 'd/loop', type: '4', dev: [7, 300], mode: 0o660 },
        { name: 'd/pipe', type: '6', mode: 0o600, uid: 9 },
        { ...symlink('d/link', '/nowhere'), uid: 3, gid: 4 },
        hardlink('d/again', 'd/bin'),
      ]),
    ]),
  'parents that the archive leaves out': (at) =>
    byDockerSave(at, [
      tar([
        dir('.'),
        dir('tmp', { mode: 0o1777, mtime: 1e9 }),
        dir('srv', { mode: 0o710, uid: 5, gid: 6, mtime: 5e8 }),
      ]),
      tar([file('tmp/x', 'x'), file('srv/y', 'y', { uid: 7 }), file('deep/er/z', 'z')]),
      tar([file('srv/z', 'z'), file('srv/.wh.y'), file('deep/er/.wh.nothing')]),
    ]),
  'parents left out under a merged /usr': (at) =>
    byDockerSave(at, [
      tar([
        dir('usr'),
        dir('usr/lib', { mtime: 1e9 }),
        dir('usr/bin', { mode: 0o711, mtime: 9e8 }),
        symlink('lib', 'usr/lib'),
        symlink('bin', 'usr/bin'),
      ]),
      tar([file('lib/x', 'x'), file('bin/tool', 't', { mode: 0o755 })]),
      tar([file('lib/.wh.x'), dir('lib/modules'), file('lib/modules/y', 'y')]),
    ]),
  'hard links to files of the layers below': (at) =>
    byDockerSave(at, [
      tar([
        dir('a', { mtime: 8e8 }),
        file('a/f', 'content', { mode: 0o640, uid: 5, pax: { 'SCHILY.xattr.user.k': 'v' } }),
        file('a/h', 'more', { mode: 0o4755 }),
        dir('b', { mtime: 7e8 }),
      ]),
      tar([hardlink('b/g', 'a/f'), file('b/other', 'o')]),
      tar([hardlink('c', 'a/h'), hardlink('d', 'c')]),
    ]),
  'opaque folders after their siblings, and things that become others': (at) =>
    writeLayout(path.join(at, 'plain'), [
      tar([
        dir('d'),
        file('d/old', 'o'),
        dir('e'),
        dir('e/sub'),
        file('e/sub/x', 'x'),
        file('f', 'f'),
        dir('g'),
        file('g/x', 'x'),
      ]),
      tar([
        dir('d'),
        file('d/new', 'n'),
        file('d/.wh..wh..opq'),
        dir('e'),
        file('e/.wh.sub'),
        dir('f'),
        file('f/in', 'i'),
        symlink('g', 'd'),
      ]),
      tar([file('d/.wh.new'), dir('g'), file('g/y', 'y'), dir('e'), dir('e/sub'), file('e/sub/z', 'z')]),
    ]),
  'an image of a hundred layers': (at) =>
    writeLayout(
      path.join(at, 'plain'),
      Array.from({ length: 100 }, (_, i) =>
        tar([dir('d'), file(`d/${i}`, `${i}`), file(`d/.wh.${i - 3}`), file('last', `${i}`)]),
      ),
    ),
};

if (process.env['BERTH_COMPARE_DEBIAN'] !== undefined) {
  images['a debootstrapped Debian, changed by umoci'] = (at) =>
    byUmoci(at, [
      'debootstrap --variant=minbase bookworm . >/dev/null; rm -rf var/cache/apt/archives/*.deb',
      'rm -r usr/share/doc usr/share/man; echo changed > etc/motd; chmod 700 var/log; echo x > lib/x',
    ]);
}

test.each(Object.entries(images))(
  '%s',
  async (_name, make) => {
    const temp = tempDir();
    try {
      const made = make(temp.path);
      const pair = 'dir' in made ? { theirs: made, ours: made } : made;
      fs.mkdirSync(path.join(temp.path, 'compare'));
      expect(await differences(kernel, path.join(temp.path, 'compare'), pair)).toEqual([]);
    } finally {
      temp.remove();
    }
  },
  600_000 * slow,
);
