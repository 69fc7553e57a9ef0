import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { useStorages } from './support/open';
import { dir, file, symlink } from './support/tar';

const openWith = useStorages();

test('what a container has written and removed, and nothing else', async () => {
  const { storage, chainIds } = await openWith(
    [
      dir('etc'),
      file('etc/kept', 'k'),
      file('etc/gone', 'g'),
      dir('old'),
      file('old/a', 'a'),
      dir('tree'),
      file('tree/x', 'x'),
    ],
    [file('etc/over', 'o'), file('etc/.wh.hidden', ''), symlink('to-file', 'etc/kept'), file('was-file', 'f')],
  );
  const request = { containerId: 'c1', chainIds };
  const root = await storage.mountRootfs(request);
  expect(await storage.rootfsChanges(request)).toEqual({ entries: [], deleted: [] });

  const at = (name: string) => path.join(root, name);
  fs.rmSync(at('etc/gone'));
  fs.writeFileSync(at('etc/over'), 'changed');
  fs.chmodSync(at('etc/over'), 0o4711);
  // A folder made anew is opaque: nothing of the old one shows through.
  fs.rmSync(at('old'), { recursive: true });
  fs.mkdirSync(at('old'));
  fs.writeFileSync(at('old/b'), 'b');
  fs.rmSync(at('tree'), { recursive: true });
  fs.rmSync(at('was-file'));
  fs.mkdirSync(at('was-file'));
  fs.writeFileSync(at('two'), '22');
  fs.linkSync(at('two'), at('twin'));
  fs.symlinkSync('/etc/shadow', at('etc/sym'));
  execFileSync('mkfifo', [at('pipe')]);
  execFileSync('mknod', [at('dev'), 'b', '300', '70000']);

  const { entries, deleted } = await storage.rootfsChanges(request);
  // What a layer hides was never there to be deleted, and is no harm in the list.
  expect(deleted).toEqual(['etc/gone', 'etc/hidden', 'old/a', 'tree']);
  const upper = path.join(storage.containerDir('c1'), 'upper');
  const shown = entries.map(({ uid, gid, mtime, ...entry }) => {
    expect([uid, gid]).toEqual([0, 0]);
    expect(mtime.getTime()).toBeGreaterThan(0);
    return entry;
  });
  expect(shown).toEqual([
    { path: 'dev', kind: 'block-device', mode: 0o644, major: 300, minor: 70000 },
    { path: 'etc', kind: 'directory', mode: 0o755 },
    { path: 'old', kind: 'directory', mode: 0o755 },
    { path: 'pipe', kind: 'fifo', mode: 0o644 },
    { path: 'twin', kind: 'file', mode: 0o644, size: 2, source: path.join(upper, 'twin') },
    { path: 'two', kind: 'link', mode: 0o644, target: 'twin' },
    { path: 'was-file', kind: 'directory', mode: 0o755 },
    { path: 'etc/over', kind: 'file', mode: 0o4711, size: 7, source: path.join(upper, 'etc/over') },
    { path: 'etc/sym', kind: 'symlink', mode: 0o777, target: '/etc/shadow' },
    { path: 'old/b', kind: 'file', mode: 0o644, size: 1, source: path.join(upper, 'old/b') },
  ]);
  await expect(storage.rootfsChanges(request, AbortSignal.abort())).rejects.toMatchObject({ code: 'call-cancelled' });
});
