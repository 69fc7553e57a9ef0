import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { NamespaceMode } from '../../src/wire';
import { type CallOptions, bundledProgram, call } from './call';
import { until } from '../support/until';
import { FakeDaemon, type Life } from './fake-daemon';

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.start();
  daemon.addImage('busybox', 'a');
});
afterEach(() => daemon[Symbol.asyncDispose]());

const logs = () => join(daemon.folder, 'logs');
const run = (args: string[], options: CallOptions = {}) =>
  call(daemon.socket, ['run', ...args], { ...options, env: { BERTH_LOG_DIR: logs(), HERE: 'own', ...options.env } });

const talks: Life = async (_, log) => {
  await log('stdout F one');
  await log('stderr F wrong');
  await log('stdout P two ');
  await log('stdout F halves');
  return 7;
};

test('follows the log to its end and ends as the container does', async () => {
  daemon.life = talks;
  expect(await run(['--name', 'web', 'busybox', 'echo', '-n'])).toEqual({
    status: 7,
    stdout: 'one\ntwo halves\n',
    stderr: 'wrong\n',
  });
  expect(daemon.changes).toEqual(['runPod web', 'createContainer web', 'startContainer web', 'stopPod web']);
  const [container] = daemon.containers.values();
  expect(container?.config.args).toEqual(['echo', '-n']);
  // What is left: the log, until rm.
  expect((await call(daemon.socket, ['logs', 'web'])).stdout).toBe('one\ntwo halves\n');
  expect((await call(daemon.socket, ['rm', 'web'])).status).toBe(0);
  expect(await readdir(logs())).toEqual([]);
  expect(daemon.pods.size).toBe(0);
});

test('--rm leaves nothing', async () => {
  daemon.life = talks;
  expect((await run(['--rm', 'busybox'])).status).toBe(7);
  expect(daemon.changes.at(-1)).toMatch(/^removePod busybox-[0-9a-f]{6}$/);
  expect(await readdir(logs())).toEqual([]);
});

test('pulls an image that is not there', async () => {
  const { stderr, status } = await run(['--rm', 'quay.io/x/new:1']);
  expect({ stderr, status }).toEqual({ stderr: 'pulling quay.io/x/new:1\n', status: 0 });
  expect(daemon.changes[0]).toBe('pull quay.io/x/new:1');
});

test('asks for what the options say', async () => {
  const options = [
    '-e',
    'A=b=c',
    '-e',
    'HERE',
    '-v',
    '/srv:/data:ro',
    '-u',
    '1000:2000',
    '-w',
    '/tmp',
    '--net',
    'host',
  ];
  expect(await run(['-d', '--name', 'web', ...options, 'busybox'])).toMatchObject({ status: 0, stderr: '' });
  const [container] = daemon.containers.values();
  const [pod] = daemon.pods.values();
  expect(container?.config).toMatchObject({
    image: { image: `sha256:${'a'.repeat(64)}`, userSpecifiedImage: 'busybox' },
    workingDir: '/tmp',
    envs: [
      { key: 'A', value: Buffer.from('b=c') },
      { key: 'HERE', value: Buffer.from('own') },
    ],
    mounts: [{ hostPath: '/srv', containerPath: '/data', readonly: true }],
    linux: {
      securityContext: {
        runAsUser: { value: 1000n },
        runAsGroup: { value: 2000n },
        namespaceOptions: { network: NamespaceMode.NODE, pid: NamespaceMode.CONTAINER },
        privileged: false,
        maskedPaths: expect.arrayContaining(['/proc/kcore']) as string[],
      },
    },
  });
  expect(pod?.config).toMatchObject({ hostname: '', metadata: { name: 'web', namespace: 'berth' } });
  expect((await run(['-d', '--name', 'web', 'busybox'])).stderr).toContain('the name web is in use');
});

test('--privileged lifts the confinement of pod and container', async () => {
  await run(['-d', '--privileged', 'busybox']);
  const [container] = daemon.containers.values();
  const [pod] = daemon.pods.values();
  expect(container?.config.linux?.securityContext).toMatchObject({
    privileged: true,
    maskedPaths: [],
    seccomp: { profileType: 1 },
  });
  expect(pod?.config.linux?.securityContext?.privileged).toBe(true);
});

test('a failure takes the pod down again and is 125', async () => {
  const { status, stderr } = await run(['--name', 'web', 'busybox', 'refuse']);
  expect({ status, stderr }).toEqual({ status: 125, stderr: 'berth: CreateContainer: args: refused\n' });
  expect(daemon.changes).toEqual(['runPod web', 'removePod web']);
});

test.each([
  [['-t', 'busybox']],
  [['--rm', '-d', 'busybox']],
  [['--net', 'bridge', 'busybox']],
  [['-e', 'NOT_SET_ANYWHERE', 'busybox']],
  [['-v', '/a:b', 'busybox']],
  [['-u', 'me:them', 'busybox']],
  [['-w', 'here', 'busybox']],
  [['--name', 'no/slash', 'busybox']],
  [[]],
])('%j is a wrong use: nothing is done', async (args) => {
  expect((await run(args)).status).toBe(2);
  expect(daemon.changes).toEqual([]);
});

test('Ctrl-C stops the container, a second one without grace', async () => {
  daemon.life = async (_, log) => {
    await log('stdout F ready');
    return new Promise(() => undefined);
  };
  const { status } = await run(['--rm', '--name', 'web', 'busybox'], {
    onOutput: (_, interrupt) => {
      interrupt();
      interrupt();
    },
  });
  expect(status).toBe(143);
  expect(daemon.changes.slice(3).sort()).toEqual(['removePod web', 'stopContainer web 0', 'stopContainer web 10']);
});

test('a daemon that is restarted meanwhile is waited for', async () => {
  daemon.life = async (_, log) => {
    await log('stdout F before');
    await until(() => stopped);
    await log('stdout F after');
    return 3;
  };
  let stopped = false;
  const ended = await run(['--name', 'web', 'busybox'], {
    onOutput: (text) => {
      if (!text.includes('before')) return;
      daemon.stopListening();
      stopped = true;
      setTimeout(() => void daemon.listen(), 300);
    },
  });
  expect(ended).toEqual({ status: 3, stdout: 'before\nafter\n', stderr: '' });
});

describe('the program itself', () => {
  const program = bundledProgram();
  const start = (...args: string[]) =>
    spawn(process.execPath, [program, '--socket', daemon.socket, ...args], {
      env: { ...process.env, BERTH_LOG_DIR: logs() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  test('stops its container on SIGTERM, and ends as it does', async () => {
    daemon.life = async (_, log) => {
      await log('stdout F ready');
      return new Promise(() => undefined);
    };
    const child = start('run', '--rm', '--name', 'web', 'busybox');
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([143, null]);
    expect(daemon.changes.slice(3)).toEqual(['stopContainer web 10', 'removePod web']);
  });

  test('ends silently when nobody reads its output any more', async () => {
    daemon.life = async (container, log) => {
      while (daemon.containers.has(container.id)) await log(`stdout F ${'x'.repeat(1000)}`);
      return undefined;
    };
    const child = start('run', '--rm', '--name', 'web', 'busybox');
    const stderr = text(child.stderr);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect(await once(child, 'close')).toEqual([141, null]);
    expect(await stderr).toBe('');
    expect(daemon.changes.at(-1)).toBe('removePod web');
  });
});
