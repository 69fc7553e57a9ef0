import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ContainerState } from '../../src/wire';
import { call } from './call';
import { FakeDaemon } from './fake-daemon';

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.start();
});
afterEach(() => daemon[Symbol.asyncDispose]());

const berth = (...args: string[]) => call(daemon.socket, args);

describe('tables', () => {
  test('version and info say what answers and whether it is ready', async () => {
    expect(await berth('version')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^client: \S+\ndaemon: berth 9\.9\.9\nCRI: +v1\n$/) as string,
    });
    const info = await berth('info');
    expect(info.stdout).toMatch(/^daemon: +berthd 9\.9\.9, pid 77, up 3m$/m);
    expect(info.stdout).toMatch(/^NetworkReady: +no: NetworkPluginNotReady: no CNI configuration$/m);
    expect(info.stdout).toMatch(/^images: +0, 4\.2MB$/m);
    expect(JSON.parse((await berth('info', '--json')).stdout)).toMatchObject({
      version: '9.9.9',
      pid: 77,
      imageBytes: 4_212_345,
    });
  });

  test('images has a line for each name', async () => {
    const image = daemon.addImage('docker.io/library/busybox:1', 'a');
    image.repoTags.push('localhost/b:2');
    daemon.images.push({
      ...image,
      id: `sha256:${'d'.repeat(64)}`,
      repoTags: [],
      repoDigests: ['quay.io/x/y@sha256:1'],
      size: 512n,
    });
    expect((await berth('images')).stdout).toBe(
      [
        'IMAGE                        IMAGE ID       SIZE',
        'docker.io/library/busybox:1  aaaaaaaaaaaa  4.2MB',
        'localhost/b:2                aaaaaaaaaaaa  4.2MB',
        'quay.io/x/y:<none>           dddddddddddd   512B',
        '',
      ].join('\n'),
    );
    expect(JSON.parse((await berth('--json', 'images')).stdout)).toMatchObject([
      { tags: ['docker.io/library/busybox:1', 'localhost/b:2'], bytes: 4_212_345 },
      {},
    ]);
  });

  test('ps shows what runs, ps -a the rest with how it ended, pods the addresses', async () => {
    const pod = daemon.addPod('web-pod', 'aaa1');
    daemon.addContainer('web', 'c1', pod);
    daemon.addContainer('init', 'c2', pod, { state: ContainerState.CONTAINER_EXITED, exitCode: 7 });
    expect((await berth('ps')).stdout).toBe(
      [
        'CONTAINER      NAME  IMAGE                        POD      STATE    CREATED',
        'c100000000000  web   docker.io/library/busybox:1  web-pod  running  3m',
        '',
      ].join('\n'),
    );
    expect((await berth('ps', '-a')).stdout).toMatch(/^c200000000000 {2}init .* exited \(7\) {2}3m$/m);
    expect((await berth('ps', '-aq')).stdout.split('\n')).toHaveLength(3);
    expect(JSON.parse((await berth('ps', '-a', '--json')).stdout)).toMatchObject([
      { name: 'web', state: 'running' },
      { name: 'init', exitCode: 7 },
    ]);
    expect((await berth('pods')).stdout).toBe(
      [
        'POD            NAME     NAMESPACE  STATE  IP         CREATED',
        'aaa1000000000  web-pod  default    ready  10.88.0.7  2h',
        '',
      ].join('\n'),
    );
  });

  test('control characters of names reach no terminal', async () => {
    daemon.addContainer('x\u001b[2Jy', 'c1', daemon.addPod('p', 'aaa1'));
    expect((await berth('ps')).stdout).toContain('x?[2Jy');
  });
});

describe('images', () => {
  test('pull prints the id; the daemon’s refusal is one line', async () => {
    expect(await berth('pull', 'docker.io/library/busybox:1')).toEqual({
      status: 0,
      stdout: `sha256:${'b'.repeat(64)}\n`,
      stderr: 'pulling docker.io/library/busybox:1\n',
    });
    const refused = await berth('pull', 'docker.io/missing');
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr.split('\n').slice(1)).toEqual([
      'berth: pull: docker.io/missing: no such manifest | (check repository and tag)',
      '',
    ]);
  });

  test('load takes a file, or standard input by way of a file that is gone afterwards', async () => {
    const path = join(daemon.folder, 'a.tar');
    await writeFile(path, 'from a file');
    expect(await berth('load', path)).toEqual({ status: 0, stdout: 'loaded localhost/app:1\n', stderr: '' });
    const temp = join(daemon.folder, 'tmp');
    await mkdir(temp);
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = temp;
    try {
      expect(await call(daemon.socket, ['load', '-'], { stdin: 'from a pipe' })).toMatchObject({ status: 0 });
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
    expect(daemon.loaded.map(String)).toEqual(['from a file', 'from a pipe']);
    expect(existsSync(join(temp, 'berth-load-'))).toBe(false);
    expect(await berth('load', '/no/such/file')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('/no/such/file') as string,
    });
  });

  test('rmi goes on past one that is not there, and fails', async () => {
    daemon.addImage('localhost/a:1', 'a');
    const { status, stdout, stderr } = await berth('rmi', 'nope', 'localhost/a:1');
    expect({ status, stdout }).toEqual({ status: 1, stdout: 'localhost/a:1\n' });
    expect(stderr).toContain('there is no image "nope"');
    expect(stderr).toContain('1 of 2 failed: nope');
    expect(daemon.images).toEqual([]);
  });
});

describe('stop, rm and inspect', () => {
  test('take names and beginnings of ids of containers and pods', async () => {
    const pod = daemon.addPod('web-pod', 'aaa1');
    daemon.addContainer('web', 'c1', pod);
    daemon.addContainer('side', 'c2', pod);
    expect(await berth('stop', '-t', '3', 'c1')).toMatchObject({ status: 0, stdout: 'c1\n' });
    expect(await berth('stop', 'web-pod')).toMatchObject({ status: 0 });
    expect(daemon.changes).toEqual(['stopContainer web 3', 'stopContainer side 10', 'stopPod web-pod']);
    expect(await berth('rm', 'web', 'aaa')).toMatchObject({ status: 0 });
    expect(daemon.changes.slice(3)).toEqual(['removeContainer web', 'removePod web-pod']);
  });

  test('an ambiguous beginning is refused with the candidates', async () => {
    const pod = daemon.addPod('p', 'c3');
    daemon.addContainer('web', 'c1', pod);
    daemon.addContainer('side', 'c2', pod);
    const { status, stderr } = await berth('stop', 'c');
    expect(status).toBe(1);
    expect(stderr).toBe(
      'berth: "c" is ambiguous: container c100000000000 (web), container c200000000000 (side); give more digits of the id\n',
    );
    expect((await berth('stop', 'zzz')).stderr).toContain('there is no container or pod "zzz"');
    expect(daemon.changes).toEqual([]);
  });

  test('rm leaves what runs, unless forced', async () => {
    const pod = daemon.addPod('p', 'aaa1');
    daemon.addContainer('web', 'c1', pod);
    expect(await berth('rm', 'web')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('still runs') as string,
    });
    expect(await berth('rm', 'p')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('still runs') as string,
    });
    expect(await berth('rm', '-f', 'web')).toMatchObject({ status: 0 });
    expect(await berth('rm', 'p')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('still ready') as string,
    });
    expect(await berth('rm', '-f', 'p')).toMatchObject({ status: 0 });
    expect(daemon.changes).toEqual(['removeContainer web', 'removePod p']);
  });

  test('inspect tells the kind and shows enums by name and verbose info as what it says', async () => {
    const pod = daemon.addPod('p', 'aaa1');
    daemon.addContainer('web', 'c1', pod);
    daemon.addImage('localhost/a:1', 'a');
    expect(JSON.parse((await berth('inspect', 'web')).stdout)).toMatchObject({
      kind: 'container',
      status: { id: 'c1'.padEnd(64, '0'), state: 'CONTAINER_RUNNING' },
      info: { info: { pid: 42 }, note: 'plain' },
    });
    expect(JSON.parse((await berth('inspect', 'p')).stdout)).toMatchObject({
      kind: 'pod',
      status: { state: 'SANDBOX_READY' },
    });
    expect(JSON.parse((await berth('inspect', 'localhost/a:1')).stdout)).toMatchObject({
      kind: 'image',
      status: { size: 4_212_345 },
    });
    expect(await berth('inspect', 'nope')).toMatchObject({ status: 1 });
  });
});

describe('exec', () => {
  beforeEach(() => void daemon.addContainer('web', 'c1', daemon.addPod('p', 'aaa1')));

  test('ends as the command does, with its outputs apart', async () => {
    expect(await berth('exec', 'web', 'sh', '-c', 'echo out; echo err >&2; exit 7')).toEqual({
      status: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  test('passes standard input on with -i only', async () => {
    const input = 'x'.repeat(300_000);
    expect((await call(daemon.socket, ['exec', '-i', 'web', 'wc', '-c'], { stdin: input })).stdout.trim()).toBe(
      '300000',
    );
    expect((await call(daemon.socket, ['exec', 'web', 'wc', '-c'], { stdin: input })).stdout.trim()).toBe('0');
  });

  test('options behind the command are the command’s', async () => {
    expect((await berth('exec', 'web', 'echo', '--json', '-t')).stdout).toBe('--json -t\n');
  });

  test('what berth cannot do is 125, a wrong use 2', async () => {
    expect(await berth('exec', 'nope', 'true')).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('no container "nope"') as string,
    });
    const [container] = daemon.containers.values();
    if (container) container.state = ContainerState.CONTAINER_EXITED;
    expect(await berth('exec', 'web', 'true')).toMatchObject({
      status: 125,
      stderr: 'berth: Exec: container: it is exited, not running\n',
    });
    expect(await berth('exec', '-t', 'web', 'true')).toMatchObject({ status: 2 });
    expect(await berth('exec', 'web')).toMatchObject({ status: 2 });
  });
});

describe('without a daemon', () => {
  test('the one line says how to start it', async () => {
    const { status, stdout, stderr } = await call(join(daemon.folder, 'none.sock'), ['ps']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      /^berth: no daemon answers at unix:\/\/\S+none\.sock \(ENOENT\): start it with `systemctl start berth`.*\n$/,
    );
    expect((await call(join(daemon.folder, 'none.sock'), ['run', 'x'])).status).toBe(125);
  });

  test('help needs none, and wrong usage is 2', async () => {
    const none = join(daemon.folder, 'none.sock');
    for (const args of [['--help'], ['help', 'run'], ['ps', '--help'], ['--version']]) {
      expect(await call(none, args)).toMatchObject({ status: 0, stderr: '' });
    }
    expect((await call(none, ['help', 'run'])).stdout).toContain('--privileged');
    for (const args of [
      [],
      ['nope'],
      ['ps', '--nope'],
      ['stop'],
      ['ps', '--timeout', 'soon'],
      ['--socket', 'relative', 'ps'],
      ['logs', 'x', '--tail', '-1'],
    ]) {
      expect(await call(none, args)).toMatchObject({ status: 2, stdout: '' });
    }
    expect((await call(none, ['pss'])).stderr).toBe("berth: unknown command 'pss' (Did you mean ps?) (see --help)\n");
  });
});
