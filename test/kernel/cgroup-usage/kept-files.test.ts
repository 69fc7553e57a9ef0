import { mkdirSync, readdirSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '../../../src/base';
import { KeptFiles } from '../../../src/kernel/cgroup-usage/kept-files';
import { readHierarchies } from '../../../src/kernel/hierarchies';

/** A cgroup of the kernel's own: files elsewhere do not end with their folder. */
let dir: string;
let files: KeptFiles;
const depth = () => join(dir, 'cgroup.max.depth');
const descendants = () => join(dir, 'cgroup.max.descendants');

beforeEach(async () => {
  const unified = (await readHierarchies()).find(({ version }) => version === 2)?.dir ?? '';
  dir = join(unified, `berth-test-${newId().slice(0, 8)}`);
  mkdirSync(dir);
  files = new KeptFiles(2);
});
afterEach(() => {
  files.close();
  expect(open()).toEqual([]);
  rmdirSync(dir);
});

/** Names of the cgroup's files that this process has open. */
function open(): string[] {
  const links = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // The folder's own descriptor, which is gone by now.
      return [];
    }
  });
  return links.filter((link) => link.startsWith(`${dir}/`)).map((link) => link.slice(dir.length + 1));
}

test('what is kept open is read anew each time', () => {
  writeFileSync(depth(), '7');
  expect(files.read(depth())).toBe('7\n');
  expect(open()).toEqual(['cgroup.max.depth']);
  writeFileSync(depth(), '11');
  expect(files.read(depth())).toBe('11\n');
  expect(open()).toEqual(['cgroup.max.depth']);
});

test('of a cgroup that is gone nothing is read, of another with its name what is there', () => {
  writeFileSync(depth(), '7');
  files.read(depth());
  rmdirSync(dir);
  expect(files.read(depth())).toBeUndefined();
  mkdirSync(dir);
  writeFileSync(depth(), '3');
  expect(files.read(depth())).toBe('3\n');
  rmdirSync(dir);
  mkdirSync(dir);
  expect(files.read(depth())).toBe('max\n');
});

test('a sweep closes what nobody has read since the one before', () => {
  files.read(depth());
  files.read(descendants());
  files.sweep();
  files.read(depth());
  files.sweep();
  expect(open()).toEqual(['cgroup.max.depth']);
  expect(files.read(descendants())).toBe('max\n');
});

test('beyond the most that is kept files are read all the same', () => {
  files.read(depth());
  files.read(descendants());
  expect(files.read(join(dir, 'cgroup.type'))).toBe('domain\n');
  expect(open().sort()).toEqual(['cgroup.max.depth', 'cgroup.max.descendants']);
});

test('what is not there is not kept', () => {
  expect(files.read(join(dir, 'no.such.file'))).toBeUndefined();
  expect(open()).toEqual([]);
});
