import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { buildSync } from 'esbuild';

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

function start(...args: string[]): ChildProcess {
  const env = { ...process.env, NODE_PATH: join(repository, 'node_modules') };
  return spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
}

async function end(child: ChildProcess): Promise<{ code: unknown; stderr: string }> {
  const exit = once(child, 'exit');
  const stderr = child.stderr ? await text(child.stderr) : '';
  const [code] = (await exit) as unknown[];
  return { code, stderr };
}

test('an unknown flag ends it with 2 and is named', async () => {
  const { code, stderr } = await end(start('--no-such-flag'));
  expect([code, stderr]).toEqual([2, expect.stringContaining('--no-such-flag')]);
});

test('a configuration with an unknown key ends it with 1; file and key are named', async () => {
  const file = join(folder, 'bad.toml');
  await writeFile(file, '[network]\ncni_conf_dri = "/x"\n');
  const { code, stderr } = await end(start('--config', file));
  expect([code, stderr]).toEqual([1, expect.stringContaining(file)]);
  expect(stderr).toContain('network.cni_conf_dri');
});

test('a configuration that was named and is not there ends it with 1', async () => {
  const file = join(folder, 'none.toml');
  const { code, stderr } = await end(start('--config', file));
  expect([code, stderr]).toEqual([1, expect.stringContaining(file)]);
});

test('TERM ends a daemon that serves with 0', async () => {
  const paths = ['--root', 'root', '--run-root', 'run', '--cni-conf-dir', 'cni'].map((word, at) =>
    at % 2 ? join(folder, word) : word,
  );
  const child = start(...paths, '--socket', join(folder, 's'), '--libexec-dir', join(repository, 'conmon/build'));
  let log = '';
  await new Promise<void>((serves, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      log += String(chunk);
      if (log.includes('berthd serves')) serves();
    });
    child.once('exit', () => reject(new Error(log)));
  });
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
  expect(log).toContain('containers run on');
}, 15_000);
