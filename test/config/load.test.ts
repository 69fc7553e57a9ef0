import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-config-'));
  file = join(folder, 'berth.toml');
});
afterEach(() => rm(folder, { recursive: true }));

const load = (overrides = {}, required = false) => loadConfig(file, { required, overrides });

test('without a file everything has its default', async () => {
  const config = await load();
  expect(config.root).toBe('/var/lib/berth');
  expect(config.socket).toBe('/run/berth/berth.sock');
  const plain = { root: '', options: [], allowed_annotations: [] };
  expect(config.runtime.handlers).toEqual({ runc: { path: 'runc', ...plain }, crun: { path: 'crun', ...plain } });
  expect(config.runtime).toMatchObject({ log_size_max: 0, log_to_journald: false });
});

test('drop-ins win over the file in lexical order, flags over both; tables merge', async () => {
  await writeFile(file, 'root = "/a"\n[network]\ncni_conf_dir = "/n"\n[image]\nlayer_concurrency = 2\n');
  await mkdir(`${file}.d`);
  await writeFile(join(`${file}.d`, '20.toml'), 'root = "/c"\n');
  await writeFile(join(`${file}.d`, '10.toml'), 'root = "/b"\n[image]\nlayer_concurrency = 3\n');
  await writeFile(join(`${file}.d`, 'ignored.txt'), 'nonsense');
  const config = await load({ socket: 'unix:///tmp/s.sock', cniBinDir: '/x:/y' });
  expect(config.root).toBe('/c');
  expect(config.image.layer_concurrency).toBe(3);
  expect(config.network).toEqual({ cni_conf_dir: '/n', cni_bin_dirs: ['/x', '/y'], default_network: '' });
  expect(config.socket).toBe('/tmp/s.sock');
});

test.each([
  ['an unknown key', 'rooot = "/a"\n', /berth\.toml: rooot: Unrecognized key/],
  ['an unknown key of a table', '[image]\nfoo = 1\n', /berth\.toml: image\.foo: Unrecognized key/],
  ['a wrong type', '[streaming]\nport = "x"\n', /berth\.toml: streaming\.port: .*number/],
  ['a relative path', 'root = "a"\n', /berth\.toml: root: must be an absolute path/],
  ['a log limit below 8 KiB', '[runtime]\nlog_size_max = 100\n', /berth\.toml: runtime\.log_size_max: must be 0 or/],
  ['a pattern that pins everything', '[image]\npinned_images = ["*"]\n', /image\.pinned_images\.0: must be a name/],
  ['a pattern with a * inside', '[image]\npinned_images = ["ok*", "a*b"]\n', /image\.pinned_images\.1: must be/],
  ['a pattern with a * before it', '[image]\npinned_images = ["*b"]\n', /image\.pinned_images\.0: must be/],
  [
    'an address without a port',
    '[metrics]\naddress = "127.0.0.1"\n',
    /metrics\.address: must be an address and a port/,
  ],
  ['an IPv6 address without brackets', '[metrics]\naddress = "::1:9190"\n', /metrics\.address: must be an address/],
  ['a port beyond 65535', '[metrics]\naddress = "[::1]:65536"\n', /metrics\.address: must have a port up to 65535/],
  [
    'a certificate without a key',
    '[metrics]\ntls_cert = "/c"\n',
    /metrics\.tls_cert, metrics\.tls_key: one needs the other/,
  ],
  ['a CA without a certificate', '[metrics]\nclient_ca = "/c"\n', /metrics\.client_ca: needs metrics\.tls_cert/],
  ['bad TOML', 'root = \n', /berth\.toml: .*Invalid TOML/s],
])('%s names the file and the key', async (_, text, message) => {
  await writeFile(file, text);
  await expect(load()).rejects.toThrow(message);
  await expect(load()).rejects.toMatchObject({ code: 'config-invalid' });
});

test('an error in a drop-in names the drop-in', async () => {
  await mkdir(`${file}.d`);
  await writeFile(join(`${file}.d`, '10.toml'), 'bad = 1\n');
  await expect(load()).rejects.toThrow(/berth\.toml\.d\/10\.toml: bad/);
});

test('a file that the user named has to be there', async () => {
  await expect(load({}, true)).rejects.toMatchObject({ code: 'config-unreadable' });
});

test('a wrong flag names the command line', async () => {
  await expect(load({ root: 'relative' })).rejects.toThrow(/the command line: root/);
});

test('deploy/berth.toml has every key with its default', async () => {
  const shipped = join(__dirname, '../../deploy/berth.toml');
  expect(await loadConfig(shipped, { required: true, overrides: {} })).toEqual(await load());
  const text = await readFile(shipped, 'utf8');
  const keys = (value: object): string[] =>
    Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? keys(inner) : [key],
    );
  for (const key of keys(await load())) expect(text).toMatch(new RegExp(`^${key} = `, 'm'));
});

test('the default handler has to be one; runc and crun are there without being named', async () => {
  await mkdir(`${file}.d`);
  await writeFile(file, '[runtime]\ndefault_handler = "kata"\n');
  await expect(load()).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringMatching(/default_handler: "kata" is none of runc, crun/) as string,
  });
  await writeFile(join(`${file}.d`, '10.toml'), '[runtime.handlers.kata]\npath = "/opt/kata"\noptions = ["--debug"]\n');
  const handlers: Readonly<Record<string, object>> = (await load()).runtime.handlers;
  expect(Object.keys(handlers)).toEqual(['runc', 'crun', 'kata']);
  expect(handlers['kata']).toEqual({ path: '/opt/kata', root: '', options: ['--debug'], allowed_annotations: [] });
});
