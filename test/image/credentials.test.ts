import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../src/base';
import { credentialsFromCri, credentialsFromFiles } from '../../src/image/credentials';

const none = { username: '', password: '', auth: '', serverAddress: '', identityToken: '', registryToken: '' };
const auth = Buffer.from('user:pass:word').toString('base64');
const basic = { kind: 'basic', username: 'user', password: 'pass:word' };

test('CRI’s credentials, by precedence', () => {
  const of = (parts: Partial<typeof none>) => credentialsFromCri({ ...none, ...parts }, 'a.b', 'a.b');
  expect(credentialsFromCri(undefined, 'a.b', 'a.b')).toBeUndefined();
  expect(of({})).toBeUndefined();
  expect(of({ username: 'u', password: 'p', auth })).toEqual({ kind: 'basic', username: 'u', password: 'p' });
  expect(of({ auth, identityToken: 'i' })).toEqual(basic);
  expect(of({ identityToken: 'i', registryToken: 'r' })).toEqual({ kind: 'identity', token: 'i' });
  expect(of({ registryToken: 'r' })).toEqual({ kind: 'bearer', token: 'r' });
  expect(() => of({ auth: 'bm9jb2xvbg==' })).toThrow(/auth\.auth: it is not the base64 of user:password/);
});

test('they are for the named registry only', () => {
  const given = { ...none, auth };
  expect(credentialsFromCri(given, 'a.b', 'mirror.c')).toBeUndefined();
  for (const serverAddress of ['a.b', 'https://a.b/v1/', 'A.B', '*.b']) {
    expect(credentialsFromCri({ ...given, serverAddress }, 'a.b', 'a.b')).toEqual(basic);
  }
  expect(credentialsFromCri({ ...given, serverAddress: 'other.b' }, 'a.b', 'a.b')).toBeUndefined();
  const hub = { ...given, serverAddress: 'https://index.docker.io/v1/' };
  expect(credentialsFromCri(hub, 'docker.io', 'docker.io')).toEqual(basic);
});

describe('files', () => {
  let dir: string;
  beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'berth-auth-'))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const look = async (files: unknown[], host: string, path: string) => {
    const paths = files.map((_, at) => join(dir, `${at}.json`));
    for (const [at, content] of files.entries()) {
      await writeFile(paths[at] ?? '', typeof content === 'string' ? content : JSON.stringify(content));
    }
    return credentialsFromFiles([join(dir, 'nope.json'), ...paths], host, path, silentLog());
  };
  const entry = (name: string) => ({ auth: Buffer.from(`${name}:p`).toString('base64') });
  const named = (username: string) => ({ kind: 'basic', username, password: 'p' });

  test('the longest path, then the host; the first file that knows it', async () => {
    const auths = { 'a.b': entry('host'), 'a.b/team': entry('team'), 'a.b/team/app': entry('app') };
    expect(await look([{ auths }], 'a.b', 'team/app')).toEqual(named('app'));
    expect(await look([{ auths }], 'a.b', 'team/other')).toEqual(named('team'));
    expect(await look([{ auths }], 'a.b', 'teams/app')).toEqual(named('host'));
    expect(await look([{ auths }], 'a.b:5000', 'app')).toBeUndefined();
    expect(await look([{}, { auths: { 'a.b': entry('second') } }, { auths }], 'a.b', 'app')).toEqual(named('second'));
  });

  test('docker’s keys: schemes, versions, the hub’s aliases, identity tokens', async () => {
    const hub = { auths: { 'https://index.docker.io/v1/': entry('hub') } };
    expect(await look([hub], 'docker.io', 'library/busybox')).toEqual(named('hub'));
    expect(await look([{ auths: { 'https://a.b/v2/': entry('x') } }], 'a.b', 'c')).toEqual(named('x'));
    const identity = { auths: { 'a.b': { ...entry('x'), identitytoken: 'i' } } };
    expect(await look([identity], 'a.b', 'c')).toEqual({ kind: 'identity', token: 'i' });
    expect(await look([{ auths: { 'a.b': {} } }], 'a.b', 'c')).toBeUndefined();
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
});
