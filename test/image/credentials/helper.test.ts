import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Keychain, noKeys } from '../../../src/image/credentials';
import { FakeKernel, type Kernel } from '../../../src/kernel';
import { Ground } from '../../kernel/support';

const ground = new Ground();
const path = process.env['PATH'];
const file = join(ground.dir, 'config.json');
const signal = new AbortController().signal;
let kernel: Kernel;

beforeAll(async () => {
  // The launcher looks programs up where its own environment says.
  process.env['PATH'] = `${ground.dir}:${path}`;
  kernel = await ground.start();
});

afterAll(async () => {
  process.env['PATH'] = path;
  await ground.dispose();
});

/** A program docker-credential-<name>; what it reads on stdin is kept in `<name>.asked`. */
function helper(name: string, script: string): void {
  const asked = join(ground.dir, `${name}.asked`);
  const program = join(ground.dir, `docker-credential-${name}`);
  writeFileSync(program, `#!/bin/sh\nserver=$(cat)\necho "$* $server" >>${asked}\n${script}\n`, { mode: 0o755 });
}

const asked = (name: string): string[] =>
  readFileSync(join(ground.dir, `${name}.asked`), 'utf8')
    .trim()
    .split('\n');

function find(config: object, host = 'a.b', helpers = ['containers-auth.json'], runs: Pick<Kernel, 'run'> = kernel) {
  writeFileSync(file, JSON.stringify(config));
  const keychain = new Keychain(() => [file], { kernel: runs, env: { HELPER_SETTING: 'from the environment' } });
  return keychain.find(noKeys, { namedHost: host, host, path: 'team/app', helpers }, signal);
}

const entry = (username: string) => ({ auth: Buffer.from(`${username}:p`).toString('base64') });

test('the host’s own helper comes before the store of all, and that before the file’s entry', async () => {
  helper('own', `echo '{"ServerURL":"a.b","Username":"own","Secret":"s"}'`);
  helper('all', `printf '{"Username":"%s","Secret":"s"}' "$HELPER_SETTING"`);
  const config = { credHelpers: { 'a.b': 'own' }, credsStore: 'all', auths: { 'a.b': entry('file') } };
  expect(await find(config)).toEqual({ kind: 'basic', username: 'own', password: 's' });
  expect(asked('own')).toEqual(['get a.b']);
  expect(await find({ ...config, credHelpers: {} })).toEqual({
    kind: 'basic',
    username: 'from the environment',
    password: 's',
  });
  // An empty name is docker's way to say: the file.
  expect(await find({ ...config, credHelpers: { 'a.b': '' }, credsStore: '' })).toMatchObject({ username: 'file' });
});

test('the name <token> makes an identity token of the secret', async () => {
  helper('identity', `echo '{"Username":"<token>","Secret":"refresh"}'`);
  expect(await find({ credsStore: 'identity' })).toEqual({ kind: 'identity', username: '', token: 'refresh' });
});

test('a helper that has nothing leaves it to the file; Docker Hub is asked for under both its names', async () => {
  helper('empty', 'echo "credentials not found in native keychain"; exit 1');
  const config = { credsStore: 'empty', auths: { 'docker.io': entry('file') } };
  expect(await find(config, 'docker.io')).toMatchObject({ username: 'file' });
  expect(asked('empty')).toEqual(['get https://index.docker.io/v1/', 'get docker.io']);
});

test('registries.conf may name programs of its own, and leave the files out', async () => {
  helper('conf', `echo '{"Username":"conf","Secret":"s"}'`);
  const config = { auths: { 'a.b': entry('file') } };
  expect(await find(config, 'a.b', ['conf', 'containers-auth.json'])).toMatchObject({ username: 'conf' });
  expect(await find(config, 'a.b', ['containers-auth.json', 'conf'])).toMatchObject({ username: 'file' });
  expect(await find(config, 'a.b', [])).toEqual({ kind: 'none' });
});

test.each([
  ['fails', 'echo "SECRET is no key of the vault" >&2; exit 3', /exit status 3 \(/],
  ['complains', 'echo "SECRET on stdout"; exit 1', /exit status 1 \(/],
  ['dies', 'kill -9 $$', /signal 9/],
  ['babbles', 'echo SECRET', /its answer is not JSON/],
  ['lists', `echo '["SECRET"]'`, /no Username and Secret/],
  ['floods', 'head -c 100000 /dev/zero | tr "\\0" S', /longer than 64 KiB/],
  ['leaks', `echo '{"Username":"u","Secret":"SECRET"}'; exit 1`, /exit status 1/],
])('one that %s is named with what it did, without its secret', async (name, script, words) => {
  helper(name, script);
  const error: unknown = await find({ credHelpers: { 'a.b': name } }).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'registry-credentials', object: `docker-credential-${name} for a.b` });
  expect(String(error)).toMatch(words);
  expect(everything(error)).not.toMatch(/SECRET|SSSS/);
  expect(error).toMatchObject({
    remedy: expect.stringContaining(`echo a.b | docker-credential-${name} get`) as string,
  });
});

/** An error as the most talkative log would write it, with all that caused it. */
function everything(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return [error.stack, JSON.stringify(error), cause === undefined ? '' : everything(cause)].join('\n');
}

test('one that is not there, and one whose name is a path', async () => {
  await expect(find({ credsStore: 'nowhere' })).rejects.toMatchObject({
    code: 'registry-credentials',
    message: expect.stringContaining('docker-credential-nowhere') as string,
  });
  await expect(find({ credsStore: '../../bin/sh' })).rejects.toMatchObject({ code: 'registry-credentials' });
});

test('one that does not end is given up, and one that is no longer wanted is ended', async () => {
  const slow = new FakeKernel();
  const ended = { exitCode: undefined, signal: 9, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), truncated: false };
  slow.script('run', async () => ({ ...ended, timedOut: true }));
  await expect(find({ credsStore: 'slow' }, 'a.b', ['slow'], slow)).rejects.toMatchObject({
    message: expect.stringContaining('did not answer within 30 s') as string,
  });
  expect(slow.callsOf('run')[0]).toMatchObject([{ timeoutMs: 30_000, stdin: 'a.b', args: ['get'] }]);

  helper('endless', 'exec sleep 600');
  const giveUp = new AbortController();
  const keychain = new Keychain(() => [], { kernel, env: {} });
  const lock = { namedHost: 'a.b', host: 'a.b', path: 'c', helpers: ['endless'] };
  const finding = keychain.find(noKeys, lock, giveUp.signal);
  giveUp.abort();
  await expect(finding).rejects.toMatchObject({ code: 'call-cancelled' });
});
