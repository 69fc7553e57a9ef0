import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFile, removeFilesLike } from '../../src/containers/remove-files';

test('a file, what is named after it, and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-remove-'));
  try {
    for (const name of ['ab', 'ab.tty', 'ab.x12', 'abc', 'b.ab']) await writeFile(join(folder, name), '');
    await removeFilesLike(join(folder, 'ab'));
    expect((await readdir(folder)).sort()).toEqual(['abc', 'b.ab']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('what is gone is no error; what cannot be removed is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-remove-'));
  try {
    await removeFile(join(folder, 'none'));
    await removeFilesLike(join(folder, 'none', 'none'));
    await expect(removeFile(folder)).rejects.toThrow(/EISDIR|EPERM/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
