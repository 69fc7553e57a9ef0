import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { addChanges, addWhiteouts, writeTar } from '../../src/containers/checkpoint/archive';
import { useStorages } from './support/open';
import { dir, file, symlink, tar } from './support/tar';

const never = new AbortController().signal;
const openWith = useStorages();

test('the changes of one root, applied to another, make it the same', async () => {
  const {
    storage,
    chainIds,
    root: store,
  } = await openWith([
    dir('etc'),
    file('etc/kept', 'k'),
    file('etc/gone', 'g'),
    dir('old'),
    file('old/a', 'a'),
    dir('tree'),
    file('tree/x', 'x'),
    symlink('link', 'etc'),
    file('was-file', 'f'),
  ]);
  const root = await storage.mountRootfs({ containerId: 'c1', chainIds });
  const at = (name: string) => path.join(root, name);
  fs.rmSync(at('etc/gone'));
  for (const name of ['old', 'tree', 'was-file', 'link']) fs.rmSync(at(name), { recursive: true });
  for (const name of ['old', 'was-file', 'link']) fs.mkdirSync(at(name));
  fs.writeFileSync(at('old/b'), 'b', { mode: 0o640 });
  fs.writeFileSync(at('link/in-folder'), 'i');
  fs.writeFileSync(at('tree'), 'now a file');
  fs.writeFileSync(at('two'), '22');
  fs.linkSync(at('two'), at('twin'));
  fs.chownSync(at('two'), 7, 8);
  fs.symlinkSync('/etc/shadow', at('etc/sym'));
  execFileSync('mkfifo', [at('pipe')]);

  const changes = await storage.rootfsChanges({ containerId: 'c1', chainIds });
  const [gone, diff] = [path.join(store, 'gone.tar'), path.join(store, 'diff.tar')];
  await writeTar(gone, never, (archive) => addWhiteouts(archive, changes.deleted));
  await writeTar(diff, never, (archive) => addChanges(archive, changes.entries));
  const other = await storage.mountRootfs({ containerId: 'c2', chainIds });
  for (const archive of [gone, diff]) await storage.applyArchive('c2', archive, never);
  const tree = (folder: string) =>
    execFileSync('find', ['.', '-printf', '%p %y %m %U %G %l\n'], { cwd: folder, encoding: 'utf8' }).split('\n').sort();
  expect(tree(other)).toEqual(tree(root));
  expect(fs.statSync(path.join(other, 'twin')).ino).toBe(fs.statSync(path.join(other, 'two')).ino);
  expect(fs.readFileSync(path.join(other, 'tree'), 'utf8')).toBe('now a file');
  expect(fs.readdirSync(storage.containerDir('c2')).sort()).toEqual(['upper', 'work']);
});

test('an archive is unpacked where it is told, plain or compressed; one that leads out, or is none, is refused', async () => {
  const { storage, root } = await openWith();
  const bytes = tar([dir('d'), file('d/f', 'text'), symlink('s', '/etc/passwd')]);
  const unpack = async (name: string, content: Buffer, size = content.length) => {
    const source = path.join(root, `${name}.tar`);
    fs.writeFileSync(source, content);
    const open = async () => fs.createReadStream(source);
    return storage.unpackArchive({ dir: path.join(root, name), size: BigInt(size), open }, never);
  };
  for (const [name, content] of [
    ['plain', bytes],
    ['gzip', execFileSync('gzip', ['-c'], { input: bytes })],
  ] as const) {
    const folder = await unpack(name, content);
    expect(fs.readFileSync(path.join(folder, 'd/f'), 'utf8')).toBe('text');
    expect(fs.readlinkSync(path.join(folder, 's'))).toBe('/etc/passwd');
    // The bytes themselves are not kept.
    expect(fs.readdirSync(path.dirname(folder)).sort()).toEqual(['diff', 'implied']);
  }
  await expect(unpack('out', tar([file('../out', 'x')]))).rejects.toMatchObject({ code: 'layer-invalid' });
  await expect(unpack('opaque', tar([file('.wh..wh..opq', '')]))).rejects.toMatchObject({ code: 'layer-invalid' });
  await expect(unpack('text', Buffer.from('text '.repeat(1000)))).rejects.toMatchObject({ code: 'layer-invalid' });
  await expect(unpack('grown', bytes, bytes.length - 1)).rejects.toMatchObject({ code: 'digest-mismatch' });
});
