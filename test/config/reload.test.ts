import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changedKeys, configKeys, isReloadable, loadConfig, type Config } from '../../src/config';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'berth-reload-'))));
afterEach(() => rm(folder, { recursive: true }));

async function config(text = ''): Promise<Config> {
  await writeFile(join(folder, 'berth.toml'), text);
  return loadConfig(join(folder, 'berth.toml'), { required: true, overrides: {} });
}

test('what can be changed is told by key', async () => {
  const next = await config(
    '[log]\nlevel = "debug"\n[image]\npinned_images = ["a.b/c"]\n[runtime.handlers.kata]\npath = "/k"\n',
  );
  expect([...changedKeys(await config(), next)].sort()).toEqual([
    'image.pinned_images',
    'log.level',
    'runtime.handlers',
  ]);
  expect(changedKeys(next, next)).toEqual([]);
});

test('what needs a start is refused by name, with all else', async () => {
  const next = await config('root = "/a"\n[log]\nlevel = "debug"\n[image.layer_limits]\nentries = 7\n');
  const before = await config();
  expect(() => changedKeys(before, next)).toThrow(
    expect.objectContaining({
      code: 'config-needs-restart',
      message: expect.stringMatching(/root, image\.layer_limits\.entries are read at the start only/) as string,
    }) as Error,
  );
});

test('docs/config.md has every key with its default, and says rightly what a reload takes', async () => {
  const text = await readFile(join(__dirname, '../../docs/config.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([^`]+)` \| (.+) \| (yes|no) \|$/gm)].map(([, key, value, reload]) => [
    key,
    value,
    reload,
  ]);
  const expected = [...configKeys(await config())].map(([key, value]) => [
    key,
    key === 'runtime.handlers' ? (expect.anything() as unknown) : `\`${JSON.stringify(value)}\``,
    isReloadable(key) ? 'yes' : 'no',
  ]);
  expect(rows).toEqual(expected);
});
