import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { addChanges, addTree, writeTar } from '../../../src/containers/checkpoint/archive';
import type { ChangedEntry } from '../../../src/storage';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'berth-checkpoint-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

const never = new AbortController().signal;
const mtime = new Date('2026-01-02T03:04:05Z');
const owned = { mode: 0o640, uid: 1, gid: 2, mtime };

test('a root’s entries, each of its kind, as tar reads them', async () => {
  const source = path.join(dir, 'source');
  fs.writeFileSync(source, 'hello and more');
  const entries: ChangedEntry[] = [
    { ...owned, path: 'd', kind: 'directory', mode: 0o1777 },
    // It has grown since it was looked at.
    { ...owned, path: 'd/file', kind: 'file', size: 5, source, mode: 0o4755 },
    { ...owned, path: 'd/empty', kind: 'file', size: 0, source },
    { ...owned, path: 'd/again', kind: 'link', target: 'd/file' },
    { ...owned, path: 'd/link', kind: 'symlink', target: '../nowhere' },
    { ...owned, path: 'd/fifo', kind: 'fifo' },
    { ...owned, path: 'd/null', kind: 'character-device', major: 1, minor: 3 },
  ];
  const file = path.join(dir, 'a.tar');
  await writeTar(file, never, (tar) => addChanges(tar, entries));
  expect(fs.statSync(file).mode & 0o7777).toBe(0o600);
  const listed = execFileSync('tar', ['--utc', '--numeric-owner', '-tvf', file], { encoding: 'utf8' });
  expect(
    listed
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/ +/g, ' ')),
  ).toEqual([
    'drwxrwxrwt 1/2 0 2026-01-02 03:04 d/',
    '-rwsr-xr-x 1/2 5 2026-01-02 03:04 d/file',
    '-rw-r----- 1/2 0 2026-01-02 03:04 d/empty',
    'hrw-r----- 1/2 0 2026-01-02 03:04 d/again link to d/file',
    'lrw-r----- 1/2 0 2026-01-02 03:04 d/link -> ../nowhere',
    'prw-r----- 1/2 0 2026-01-02 03:04 d/fifo',
    'crw-r----- 1/2 1,3 2026-01-02 03:04 d/null',
  ]);
  expect(execFileSync('tar', ['-xOf', file, 'd/file'], { encoding: 'utf8' })).toBe('hello');
});

test('a folder with all that is in it, for root’s eyes only', async () => {
  const root = path.join(dir, 'root');
  fs.mkdirSync(path.join(root, 'checkpoint/deep'), { recursive: true });
  fs.writeFileSync(path.join(root, 'checkpoint/deep/pages-1.img'), Buffer.alloc(200_000, 7));
  fs.writeFileSync(path.join(root, 'spec.dump'), '{}', { mode: 0o666 });
  const file = path.join(dir, 'b.tar');
  await writeTar(file, never, (tar) => addTree(tar, root));
  const out = path.join(dir, 'out');
  fs.mkdirSync(out);
  execFileSync('tar', ['-xpf', file, '-C', out]);
  expect(fs.readFileSync(path.join(out, 'checkpoint/deep/pages-1.img'))).toEqual(Buffer.alloc(200_000, 7));
  expect(fs.statSync(path.join(out, 'spec.dump')).mode & 0o777).toBe(0o600);
  expect(fs.statSync(path.join(out, 'checkpoint')).mode & 0o777).toBe(0o700);
});

test('a file that is gone, and an abort, reject', async () => {
  const gone: ChangedEntry = { ...owned, path: 'f', kind: 'file', size: 5, source: path.join(dir, 'gone') };
  await expect(writeTar(path.join(dir, 'c.tar'), never, (tar) => addChanges(tar, [gone]))).rejects.toThrow('ENOENT');
  await expect(writeTar(path.join(dir, 'd.tar'), AbortSignal.abort(), async () => undefined)).rejects.toMatchObject({
    name: 'AbortError',
  });
});
