import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReference, type Reference, textOf } from '../../src/image/reference';
import { candidatesOf, loadRegistriesConf, pullSources } from '../../src/image/registries-conf';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'berth-registries-'));
  await mkdir(join(dir, 'd'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function load(files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  return loadRegistriesConf({ path: join(dir, 'registries.conf'), dropInDir: join(dir, 'd') });
}

function full(text: string): Reference {
  const reference = parseReference(text);
  if (reference.kind === 'short') throw new Error(`${text} is short`);
  return reference;
}

async function sources(conf: string, name: string): Promise<string[]> {
  const found = pullSources(await load({ 'registries.conf': conf }), full(name));
  return found.map(({ kind, host, path, insecure }) => `${kind} ${host}/${path}${insecure ? ' insecure' : ''}`);
}

const digest = `sha256:${'a1'.repeat(32)}`;

test('without files, names are taken as they are and short ones are Docker Hub’s', async () => {
  const conf = await loadRegistriesConf({ path: join(dir, 'nope'), dropInDir: join(dir, 'nope.d') });
  expect(pullSources(conf, full('a.b/c'))).toEqual([{ kind: 'primary', host: 'a.b', path: 'c', insecure: false }]);
  const short = parseReference('busybox');
  if (short.kind === 'full') throw new Error('busybox is full');
  expect(candidatesOf(conf, short).references.map(textOf)).toEqual(['docker.io/library/busybox:latest']);
});

test('drop-ins in lexical order: registries by prefix and lists replace, aliases merge', async () => {
  const conf = await load({
    'registries.conf':
      'unqualified-search-registries = ["one.example"]\n[[registry]]\nprefix = "a.b"\nlocation = "first.example"\n[aliases]\nx = "a.b/x"\ny = "a.b/y"',
    'd/20.conf': '[[registry]]\nprefix = "a.b"\nlocation = "third.example"\n[aliases]\nx = "a.b/other"\ny = ""',
    'd/10.conf':
      'unqualified-search-registries = ["two.example"]\nshort-name-mode = "permissive"\n[[registry]]\nprefix = "a.b"\nlocation = "second.example"',
    'd/30.off': 'nonsense',
  });
  expect(conf).toMatchObject({ searchRegistries: ['two.example'], shortNameMode: 'permissive' });
  expect(pullSources(conf, full('a.b/c'))[0]).toMatchObject({ host: 'third.example', path: 'c' });
  expect([...conf.aliases]).toEqual([['x', 'a.b/other']]);
});

test('credential helpers: the auth files alone unless said otherwise, a later list replaces, a path is no name', async () => {
  expect((await load({})).credentialHelpers).toEqual(['containers-auth.json']);
  const conf = await load({
    'registries.conf': 'credential-helpers = ["one"]',
    'd/10.conf': 'credential-helpers = ["two", "containers-auth.json"]',
  });
  expect(conf.credentialHelpers).toEqual(['two', 'containers-auth.json']);
  await expect(load({ 'registries.conf': 'credential-helpers = ["../x"]' })).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringContaining('credential-helpers[0]: is not the name of a program') as string,
  });
});

test('the longest prefix that ends at a component counts', async () => {
  const conf = [
    '[[registry]]\nprefix = "a.b"\nlocation = "short.example"',
    '[[registry]]\nprefix = "a.b/team"\nlocation = "long.example/x"',
    '[[registry]]\nprefix = "*.wild.example"\nlocation = "wild.target/y"',
    '[[registry]]\nprefix = "special.wild.example"\nblocked = true',
  ].join('\n');
  expect(await sources(conf, 'a.b/team/app')).toEqual(['primary long.example/x/app']);
  expect(await sources(conf, 'a.b/teams/app')).toEqual(['primary short.example/teams/app']);
  expect(await sources(conf, 'a.bc/app')).toEqual(['primary a.bc/app']);
  expect(await sources(conf, 'x.y.wild.example/app')).toEqual(['primary wild.target/y/app']);
  expect(await sources(conf, 'wild.example/app')).toEqual(['primary wild.example/app']);
  await expect(sources(conf, 'special.wild.example/app')).rejects.toMatchObject({ code: 'image-blocked' });
});

test('mirrors serve the kinds of reference that they are for', async () => {
  const conf = [
    '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"',
    '[[registry.mirror]]\nlocation = "all.example/hub"\ninsecure = true',
    '[[registry.mirror]]\nlocation = "tags.example"\npull-from-mirror = "tag-only"',
    '[[registry.mirror]]\nlocation = "digests.example"\npull-from-mirror = "digest-only"',
  ].join('\n');
  const all = 'mirror all.example/hub/library/busybox insecure';
  const primary = 'primary docker.io/library/busybox';
  expect(await sources(conf, 'docker.io/busybox')).toEqual([all, 'mirror tags.example/library/busybox', primary]);
  expect(await sources(conf, `docker.io/busybox@${digest}`)).toEqual([
    all,
    'mirror digests.example/library/busybox',
    primary,
  ]);
  const digestOnly =
    '[[registry]]\nlocation = "a.b"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m.example"';
  expect(await sources(digestOnly, 'a.b/c')).toEqual(['primary a.b/c']);
  expect(await sources(digestOnly, `a.b/c@${digest}`)).toEqual(['mirror m.example/c', 'primary a.b/c']);
});

test.each([
  ['[[registry]]\nlocation = "a.b"\ninsecur = true', 'registry[0].insecur: unknown key'],
  [
    '[[registry]]\nlocation = "a.b"\n[[registry.mirror]]\nlocation = "m"\ninsecure = "yes"',
    'registry[0].mirror[0].insecure',
  ],
  ['[[registry]]\ninsecure = true', 'registry[0].location: needs a prefix or a location'],
  ['[[registry]]\nlocation = "https://a.b"', 'registry[0].location: is host[:port][/path] without a scheme'],
  ['[[registry]]\nprefix = "*.a.b/c"', 'registry[0].prefix: a wildcard'],
  ['unqualified-search-registries = "a"', 'unqualified-search-registries'],
  ['[registries.search]\nregistries = ["a"]', 'version 1'],
  ['short-name-mode = "maybe"', 'short-name-mode'],
  ['[aliases]\nx = "y"', 'aliases."x": the target needs a host'],
  ['[aliases]\n"a.b/x" = "a.b/y"', 'aliases."a.b/x": an alias is a name without a host'],
  ['[aliases]\nx = "a.b/y:tag"', 'aliases."x": the target has no tag'],
  ['no toml', 'registries.conf'],
])('%j is refused with file and key', async (text, words) => {
  await expect(load({ 'registries.conf': text })).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringContaining(words) as string,
    object: join(dir, 'registries.conf'),
  });
});
