import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { BerthError } from '../../src/base';
import { until } from '../support/until';
import { FakeTerminal, call } from './call';
import { FakeDaemon } from './fake-daemon';

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.start();
});
afterEach(() => daemon[Symbol.asyncDispose]());

const slow = new BerthError('stream-slow', { op: 'Attach', detail: 'too slow' });

describe('exec -t', () => {
  beforeEach(() => void daemon.addContainer('web', 'c1', daemon.addPod('p', 'aaa1')));

  test('gives the command this terminal: raw as long as it runs, its size and each change of it', async () => {
    const terminal = new FakeTerminal({ width: 100, height: 30 });
    const ended = call(daemon.socket, ['exec', '-it', 'web', 'cat'], { terminal });
    await until(() => daemon.sizes.length > 0);
    expect(daemon.sizes).toEqual([{ width: 100, height: 30 }]);
    expect(terminal.isRaw).toBe(true);
    terminal.resize(120, 40);
    await until(() => daemon.sizes.length > 1);
    expect(daemon.sizes[1]).toEqual({ width: 120, height: 40 });
    terminal.keys.end('typed\n');
    expect(await ended).toEqual({ status: 0, stdout: 'typed\n', stderr: '' });
    expect(terminal.changes).toEqual([true, false]);
    expect(daemon.shell.requests).toMatchObject([{ tty: true, stdin: true, stdout: true, stderr: false }]);
  });

  test('the keys to leave it are not passed on, and end the command; others may be said, or none', async () => {
    const terminal = new FakeTerminal();
    const leave = () => void terminal.keys.write('\u0010\u0011');
    const ended = call(daemon.socket, ['exec', '-it', 'web', 'cat'], { terminal, onOutput: leave });
    terminal.keys.write('a');
    expect(await ended).toMatchObject({ status: 0, stdout: 'a' });
    expect(terminal.isRaw).toBe(false);
    await until(() => daemon.shell.active === 0);
    expect(daemon.shell.aborted).toHaveLength(1);

    const none = new FakeTerminal();
    const whole = call(daemon.socket, ['exec', '-it', '--detach-keys', '', 'web', 'cat'], { terminal: none });
    none.keys.end('a\u0010\u0011');
    expect((await whole).stdout).toBe('a\u0010\u0011');
    expect(await call(daemon.socket, ['exec', '--detach-keys', 'nope', 'web', 'true'])).toMatchObject({ status: 2 });
  });

  test('the terminal is restored when the session breaks', async () => {
    const lost = new FakeTerminal();
    const broken = call(daemon.socket, ['exec', '-it', 'web', 'sleep', '1000'], { terminal: lost });
    await until(() => lost.isRaw);
    await daemon.stopStreaming();
    expect(await broken).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('berthd stops, the command was ended') as string,
    });
    expect(lost.changes).toEqual([true, false]);
  });

  test('SIGTERM ends the session, and gives the terminal back', async () => {
    const terminal = new FakeTerminal();
    const ended = call(daemon.socket, ['exec', '-it', 'web', 'sh', '-c', 'echo up; exec sleep 1000'], {
      terminal,
      onOutput: (_, interrupt) => interrupt(),
    });
    expect(await ended).toMatchObject({ status: 130, stderr: 'berth: exec: interrupted\n' });
    expect(terminal.changes).toEqual([true, false]);
    await until(() => daemon.shell.active === 0);
  });

  test('without a terminal it says so, and does nothing', async () => {
    expect(await call(daemon.socket, ['exec', '-it', 'web', 'sh'])).toEqual({
      status: 2,
      stdout: '',
      stderr: 'berth: exec -t: standard input is no terminal; leave -t out\n',
    });
    expect(daemon.shell.requests).toEqual([]);
  });
});

describe('attach', () => {
  const attachTo = (...args: string[]) => ['attach', ...args, 'web'];
  const container = (config: { tty: boolean; stdin: boolean }) => {
    const added = daemon.addContainer('web', 'c1', daemon.addPod('p', 'aaa1'));
    Object.assign(added.config, config);
  };

  test('joins input and output, and ends as the container does', async () => {
    container({ tty: false, stdin: true });
    expect(await call(daemon.socket, attachTo(), { stdin: 'in' })).toEqual({ status: 0, stdout: 'in', stderr: '' });
    expect(daemon.shell.requests).toMatchObject([{ tty: false, stdin: true, stdout: true, stderr: true }]);
  });

  test('a container without an input gets none, nor with --no-stdin', async () => {
    container({ tty: false, stdin: true });
    await call(daemon.socket, attachTo('--no-stdin'), { stdin: 'in' });
    Object.assign([...daemon.containers.values()][0]?.config ?? {}, { stdin: false });
    await call(daemon.socket, attachTo(), { stdin: 'in' });
    expect(daemon.shell.requests).toMatchObject([{ stdin: false }, { stdin: false }]);
  });

  test('a terminal is left by its keys, and told that the container runs on', async () => {
    container({ tty: true, stdin: true });
    const terminal = new FakeTerminal();
    const leave = () => void terminal.keys.write('\u0018');
    const left = call(daemon.socket, attachTo('--detach-keys', 'ctrl-x'), { terminal, onOutput: leave });
    terminal.keys.write('hi');
    expect(await left).toEqual({ status: 0, stdout: 'hi', stderr: '\ndetached: the container runs on\n' });
    expect(terminal.changes).toEqual([true, false]);
  });

  test('one who was too slow is told so, with what to do', async () => {
    container({ tty: false, stdin: false });
    daemon.attach = () => Promise.reject(slow);
    const { status, stderr } = await call(daemon.socket, attachTo());
    expect({ status, stderr }).toEqual({
      status: 125,
      stderr: 'berth: Attach: too slow (attach again; what was missed is in the log)\n',
    });
  });
});

describe('run', () => {
  const run = (args: string[], options: Parameters<typeof call>[2] = {}) =>
    call(daemon.socket, ['run', ...args], { ...options, env: { BERTH_LOG_DIR: join(daemon.folder, 'logs') } });
  beforeEach(() => void daemon.addImage('busybox', 'a'));

  test('-i attaches before the start, and the input ends with ours', async () => {
    const over = new AbortController();
    daemon.life = async () => {
      await until(() => over.signal.aborted);
      return 4;
    };
    const input: Buffer[] = [];
    daemon.attach = async (_, { stdin, stdout }) => {
      if (stdin) {
        for await (const chunk of stdin) input.push(chunk as Buffer);
        over.abort();
      } else {
        await until(() => over.signal.aborted);
        stdout?.end('out\n');
      }
      return 4;
    };
    const data = randomBytes(1 << 20);
    expect(await run(['-i', '--rm', '--name', 'web', 'busybox'], { stdin: data })).toEqual({
      status: 4,
      stdout: 'out\n',
      stderr: '',
    });
    expect(Buffer.concat(input).equals(data)).toBe(true);
    expect(daemon.changes).toEqual([
      'runPod web',
      'createContainer web',
      'attach web',
      'attach web',
      'startContainer web',
      'removePod web',
    ]);
  });

  test('output that came faster than it was taken goes on from the log, where it broke off', async () => {
    daemon.life = async (_, log) => {
      for (const line of ['one', 'two', 'three']) await log(`stdout F ${line}`);
      await log('stderr F wrong');
      return 0;
    };
    daemon.attach = async (_, { stdin, stdout, signal }) => {
      if (stdin) {
        await until(() => signal.aborted);
        return 0;
      }
      stdout?.write('one\ntw');
      throw slow;
    };
    expect(await run(['-i', '--rm', 'busybox'])).toEqual({
      status: 0,
      stdout: 'one\ntwo\nthree\n',
      stderr: 'wrong\n',
    });
  });

  test('a terminal that is left leaves the container, and says how to come back', async () => {
    daemon.life = () => new Promise(() => undefined);
    daemon.attach = async (_, { signal }) => {
      await until(() => signal.aborted);
      return 0;
    };
    const terminal = new FakeTerminal();
    const left = run(['-it', '--rm', '--name', 'web', 'busybox', 'sh'], { terminal });
    await until(() => terminal.isRaw);
    terminal.keys.write('\u0010\u0011');
    expect(await left).toEqual({
      status: 0,
      stdout: '',
      stderr:
        '\ndetached: web runs on, `berth attach web` goes back to it; --rm no longer holds: remove it with `berth rm -f web`\n',
    });
    const [container] = daemon.containers.values();
    expect(container?.config).toMatchObject({ tty: true, stdin: true, stdinOnce: false });
  });

  test('a terminal and an input for later: -dit', async () => {
    expect(await run(['-dit', '--name', 'web', 'busybox'])).toMatchObject({ status: 0 });
    const [container] = daemon.containers.values();
    expect(container?.config).toMatchObject({ tty: true, stdin: true, stdinOnce: false });
    expect(daemon.changes).toEqual(['runPod web', 'createContainer web', 'startContainer web']);
  });

  test('-p asks for the pod’s port mappings', async () => {
    await run(['-d', '-p', '8080:80', '-p', '[::1]:53:53/udp', 'busybox']);
    const [pod] = daemon.pods.values();
    expect(pod?.config.portMappings).toEqual([
      { protocol: 0, containerPort: 80, hostPort: 8080, hostIp: '' },
      { protocol: 1, containerPort: 53, hostPort: 53, hostIp: '::1' },
    ]);
    expect(await run(['-p', '8080:80', '--net', 'host', 'busybox'])).toMatchObject({ status: 2 });
  });
});

describe('pull', () => {
  const layers = [{ digest: `sha256:${'d'.repeat(64)}`, size: 1000n, received: 500n, ready: '' }];

  test('on a terminal the layers are drawn over themselves, and end complete', async () => {
    daemon.pulling.push({ endpoint: 'example.org', bytes: 500n, layers });
    const screen = { columns: 90, rows: 24 };
    const { stdout, stderr } = await call(daemon.socket, ['pull', 'example.org/a:1'], { screen });
    expect(stdout).toBe(`sha256:${'b'.repeat(64)}\n`);
    const [first, second, ...rest] = stderr.split('\r\u001b[J').slice(1);
    expect(first).toMatch(/^ {2}dddddddddddd .*500B\/1\.0kB {2}fetching\n.*from example\.org\n\u001b\[2A$/);
    expect(second).toMatch(/^ {2}dddddddddddd .*1\.0kB\/1\.0kB {2}done\n {2}1\.0kB of 1\.0kB, 1 of 1 layers\n$/);
    expect(rest).toEqual([]);
  });

  test('--quiet says nothing, nor does that of a run', async () => {
    const screen = { columns: 90, rows: 24 };
    expect(await call(daemon.socket, ['pull', '-q', 'example.org/a:1'], { screen })).toMatchObject({ stderr: '' });
    const env = { BERTH_LOG_DIR: join(daemon.folder, 'logs') };
    expect(await call(daemon.socket, ['run', '-d', '-q', 'example.org/b:1'], { screen, env })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });
});

test('port-forward prints where it listens, leads there, and ends by Ctrl-C', async () => {
  daemon.addPod('web-pod', 'aaa1');
  const far = createServer((socket) => socket.end('page')).listen(0, '127.0.0.1');
  await once(far, 'listening');
  const { port } = far.address() as AddressInfo;
  const pages: Promise<string>[] = [];
  const { status, stdout, stderr } = await call(daemon.socket, ['port-forward', 'web-pod', `:${port}`], {
    onOutput: (line, interrupt) => {
      const local = /^127\.0\.0\.1:(\d+) -> /.exec(line)?.[1];
      pages.push(text(connect(Number(local), '127.0.0.1')));
      void pages[0]?.finally(interrupt);
    },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^127\\.0\\.0\\.1:\\d+ -> ${port}\n$`));
  expect(await Promise.all(pages)).toEqual(['page']);
  far.close();
  for (const args of [['web-pod', '0'], ['web-pod', '80', '--address', 'example.org'], ['web-pod']]) {
    expect(await call(daemon.socket, ['port-forward', ...args])).toMatchObject({ status: 2 });
  }
  expect(await call(daemon.socket, ['port-forward', 'nope', '80'])).toMatchObject({ status: 1 });
});
