import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { buildSync } from 'esbuild';
import { until } from '../support/until';

const repository = resolve(__dirname, '../..');
let folder: string;
let program: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bd-'));
  program = join(folder, 'berthd.js');
  const entry = join(repository, 'src/daemon/main.ts');
  buildSync({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: 'node',
    target: 'node20',
    external: ['lmdb'],
  });
});
afterAll(() => rm(folder, { recursive: true }));

/** Its command goes behind that of a wrapper, if one is given. */
function start(args: readonly string[], wrapper: readonly string[] = []): ChildProcess {
  const env = { ...process.env, NODE_PATH: join(repository, 'node_modules') };
  const [command = '', ...rest] = [...wrapper, process.execPath, program, ...args];
  return spawn(command, rest, { env, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Where one may serve that is alone. */
function places(): string[] {
  const folders = ['root', 'run-root', 'cni-conf-dir', 'socket'].flatMap((name) => [`--${name}`, join(folder, name)]);
  return [...folders, '--libexec-dir', join(repository, 'conmon/build')];
}

async function end(child: ChildProcess): Promise<{ code: unknown; stderr: string }> {
  const exit = once(child, 'exit');
  const stderr = child.stderr ? await text(child.stderr) : '';
  const [code] = (await exit) as unknown[];
  return { code, stderr };
}

test('an unknown flag ends it with 2 and is named', async () => {
  const { code, stderr } = await end(start(['--no-such-flag']));
  expect([code, stderr]).toEqual([2, expect.stringContaining('--no-such-flag')]);
});

test('a configuration with an unknown key ends it with 1; file and key are named', async () => {
  const file = join(folder, 'bad.toml');
  await writeFile(file, '[network]\ncni_conf_dri = "/x"\n');
  const { code, stderr } = await end(start(['--config', file]));
  expect([code, stderr]).toEqual([1, expect.stringContaining(file)]);
  expect(stderr).toContain('network.cni_conf_dri');
});

test('a configuration that was named and is not there ends it with 1', async () => {
  const file = join(folder, 'none.toml');
  const { code, stderr } = await end(start(['--config', file]));
  expect([code, stderr]).toEqual([1, expect.stringContaining(file)]);
});

/** A daemon that serves, and what it has logged so far. */
async function serving() {
  const child = start(places());
  let log = '';
  const said = (text: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const match = text.exec(log);
        if (match) resolve(match[1] ?? match[0]);
      };
      child.stderr?.on('data', look);
      child.once('exit', () => reject(new Error(log)));
      look();
    });
  child.stderr?.on('data', (chunk: Buffer) => void (log += String(chunk)));
  await said(/berthd serves/);
  return { child, said, log: () => log };
}

test('USR1 has it write its state, for root only, and opens no debugger', async () => {
  const { child, said, log } = await serving();
  child.kill('SIGUSR1');
  const file = await said(/the state of berthd is in ([^"]+)/);
  expect([(await stat(file)).mode & 0o777, (await stat(dirname(file))).mode & 0o777]).toEqual([0o600, 0o700]);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
    pid: child.pid,
    versions: { node: process.version },
    jobs: { inFlight: 0, oldest: [] },
    launcher: { inFlight: 0 },
    handles: { PipeWrap: expect.any(Number) as number },
    memory: { heapUsed: expect.any(Number) as number },
    eventLoop: { utilization: expect.any(Number) as number },
    pods: {},
    containers: {},
    images: 0,
  });
  // One after the other: signals that come at once are one to a process.
  for (let dumps = 2; dumps <= 7; dumps++) {
    child.kill('SIGUSR1');
    await until(() => log().split('the state of berthd is in').length > dumps);
  }
  expect(await readdir(dirname(file))).toHaveLength(5);
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
  expect(log()).not.toMatch(/debugger/i);
}, 15_000);

test('TERM ends a daemon that serves with 0', async () => {
  const { child, log } = await serving();
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
  expect(log()).toContain('containers run on');
}, 15_000);

/** Starts what follows with a socket of the network, as a socket unit would that is not for CRI. */
const withNetworkSocket = `
  use IO::Socket::INET; use Fcntl;
  my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die;
  POSIX::dup2(fileno($socket), 3);
  open(my $passed, '+<&=', 3); fcntl($passed, F_SETFD, 0);
  @ENV{'LISTEN_PID', 'LISTEN_FDS'} = ($$, 1);
  exec @ARGV;
`;

test('a socket of the network that it is started with ends it with 1', async () => {
  const child = start(places(), ['perl', '-MPOSIX', '-e', withNetworkSocket, '--']);
  const { code, stderr } = await end(child);
  expect([code, stderr]).toEqual([1, expect.stringContaining('descriptor 3: it is a socket of the network')]);
}, 15_000);
