import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEnvironment } from '../../../src/config';
import { Keychain, noKeys, usualAuthFiles } from '../../../src/image/credentials';
import { parseAuthFile } from '../../../src/image/credentials/auth-file';
import { credentialsFromCri } from '../../../src/image/credentials/cri-auth';
import { FakeKernel } from '../../../src/kernel';
import { criAuth } from '../support/room';

const auth = Buffer.from('user:pass:word').toString('base64');
const basic = { kind: 'basic', username: 'user', password: 'pass:word' };

test('CRI’s credentials, by precedence', () => {
  const of = (parts: Parameters<typeof criAuth>[0]) => credentialsFromCri(criAuth(parts), 'a.b', 'a.b');
  expect(credentialsFromCri(undefined, 'a.b', 'a.b')).toBeUndefined();
  expect(of({})).toBeUndefined();
  expect(of({ username: 'u', password: 'p', auth })).toEqual({ kind: 'basic', username: 'u', password: 'p' });
  expect(of({ auth, identityToken: 'i' })).toEqual(basic);
  expect(of({ identityToken: 'i', registryToken: 'r' })).toEqual({ kind: 'identity', username: '', token: 'i' });
  expect(of({ registryToken: 'r' })).toEqual({ kind: 'bearer', token: 'r' });
  expect(() => of({ auth: 'bm9jb2xvbg==' })).toThrow(/auth\.auth: it is not the base64 of user:password/);
});

test('they are for the named registry only', () => {
  const given = criAuth({ auth });
  expect(credentialsFromCri(given, 'a.b', 'mirror.c')).toBeUndefined();
  for (const serverAddress of ['a.b', 'https://a.b/v1/', 'A.B', '*.b']) {
    expect(credentialsFromCri({ ...given, serverAddress }, 'a.b', 'a.b')).toEqual(basic);
  }
  expect(credentialsFromCri({ ...given, serverAddress: 'other.b' }, 'a.b', 'a.b')).toBeUndefined();
  const hub = { ...given, serverAddress: 'https://index.docker.io/v1/' };
  expect(credentialsFromCri(hub, 'docker.io', 'docker.io')).toEqual(basic);
});

test('the usual files, in their order', () => {
  const of = (environment: Record<string, string>) => usualAuthFiles(readEnvironment(environment), 7);
  expect(of({ HOME: '/h' })).toEqual([
    '/run/containers/7/auth.json',
    '/h/.config/containers/auth.json',
    '/h/.docker/config.json',
  ]);
  expect(of({ HOME: '/h', XDG_RUNTIME_DIR: '/x', XDG_CONFIG_HOME: '/c', DOCKER_CONFIG: '/d' })).toEqual([
    '/x/containers/auth.json',
    '/c/containers/auth.json',
    '/d/config.json',
  ]);
});

describe('files', () => {
  let dir: string;
  beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'berth-auth-'))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const none = { kind: 'none' };
  const signal = new AbortController().signal;
  const lock = (host: string, path: string) => ({ namedHost: host, host, path, helpers: ['containers-auth.json'] });
  const keychain = (paths: readonly string[]) => new Keychain(() => paths, { kernel: new FakeKernel(), env: {} });
  const look = async (files: unknown[], host: string, path: string) => {
    const paths = files.map((_, at) => join(dir, `${at}.json`));
    for (const [at, content] of files.entries()) {
      await writeFile(paths[at] ?? '', typeof content === 'string' ? content : JSON.stringify(content));
    }
    return keychain([join(dir, 'nope.json'), ...paths]).find(noKeys, lock(host, path), signal);
  };
  const entry = (name: string) => ({ auth: Buffer.from(`${name}:p`).toString('base64') });
  const named = (username: string) => ({ kind: 'basic', username, password: 'p' });

  test('the longest path, then the host; the first file that knows it', async () => {
    const auths = { 'a.b': entry('host'), 'a.b/team': entry('team'), 'a.b/team/app': entry('app') };
    expect(await look([{ auths }], 'a.b', 'team/app')).toEqual(named('app'));
    expect(await look([{ auths }], 'a.b', 'team/other')).toEqual(named('team'));
    expect(await look([{ auths }], 'a.b', 'teams/app')).toEqual(named('host'));
    expect(await look([{ auths }], 'a.b:5000', 'app')).toEqual(none);
    expect(await look([{}, { auths: { 'a.b': entry('second') } }, { auths }], 'a.b', 'app')).toEqual(named('second'));
  });

  test('docker’s keys: schemes, versions, the hub’s aliases, identity tokens', async () => {
    for (const key of ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io']) {
      expect(await look([{ auths: { [key]: entry('hub') } }], 'docker.io', 'library/busybox')).toEqual(named('hub'));
    }
    expect(await look([{ auths: { 'https://a.b/v2/': entry('x') } }], 'a.b', 'c')).toEqual(named('x'));
    const identity = { auths: { 'a.b': { ...entry('x'), identitytoken: 'i' } } };
    expect(await look([identity], 'a.b', 'c')).toEqual({ kind: 'identity', username: 'x', token: 'i' });
    expect(await look([{ auths: { 'a.b': {} } }], 'a.b', 'c')).toEqual(none);
  });

  test('a broken file is named, its content is not', async () => {
    for (const content of ['{"auths":{"a.b":{"auth":"c2VjcmV0', { auths: { 'a.b': { auth: 7 } } }]) {
      await expect(look([content], 'a.b', 'c')).rejects.toMatchObject({
        code: 'config-invalid',
        object: join(dir, '0.json'),
        message: expect.not.stringContaining('c2VjcmV0') as string,
      });
    }
  });

  test('CRI’s win over the pull’s own file, which stands in place of the machine’s', async () => {
    const path = join(dir, 'machine.json');
    await writeFile(path, JSON.stringify({ auths: { 'a.b': entry('machine'), 'c.d': entry('machine') } }));
    const own = parseAuthFile('own', JSON.stringify({ auths: { 'a.b': entry('own') } }));
    const keys = { cri: criAuth({ username: 'cri', password: 'p' }), own };
    const machine = keychain([path]);
    expect(await machine.find(keys, lock('a.b', 'c'), signal)).toEqual(named('cri'));
    expect(await machine.find({ cri: undefined, own }, lock('a.b', 'c'), signal)).toEqual(named('own'));
    expect(await machine.find({ cri: undefined, own }, lock('c.d', 'c'), signal)).toEqual(none);
    // The credentials of the named registry are not its mirror's, which has its own in the file.
    const mirror = { ...lock('c.d', 'c'), namedHost: 'a.b' };
    expect(await machine.find({ ...keys, own: undefined }, mirror, signal)).toEqual(named('machine'));
  });
});
