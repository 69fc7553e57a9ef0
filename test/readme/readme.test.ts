import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const top = join(__dirname, '../..');
const readme = readFileSync(join(top, 'README.md'), 'utf8');
/** Everything that `deploy/try` makes is named after this: a berthd that somebody tries on this machine is left alone. */
const name = 'berth-t9';
const env = { ...process.env, BERTH_TRY_NAME: name, BERTH_SOCKET: `unix:///run/${name}/berth.sock` };

const run = async (command: string, args: readonly string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(command, args, { cwd: top, env, maxBuffer: 1 << 24 });
  return stdout;
};
const blocks = [...readme.matchAll(/^```sh\n([^`]*)```$/gm)].flatMap(([, text = '']) => text.trim().split('\n'));
const inline = [...readme.matchAll(/`(berth [^`]+)`/g)].map(([, command = '']) => command);

jest.setTimeout(240_000);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-readme-'));
});
afterAll(async () => {
  await run('deploy/try', ['--clean']);
  await rm(folder, { recursive: true });
});

test('its commands are those that are run here, and the test command itself', () => {
  expect(blocks).toEqual(['sudo deploy/try', 'sudo deploy/try --clean', 'sudo test/run']);
  expect(inline.length).toBeGreaterThan(10);
});

test('deploy/try shows a pod, each berth command of the README works beside it, and --clean takes all of it away', async () => {
  const shown = await run('deploy/try', []);
  expect(shown).toContain('hello from a pod of berth');
  expect(shown).toMatch(/\n== berth runs\n/);

  // The README's names of things that stand for others.
  const archive = join(folder, 'busybox.tar');
  await run('deploy/busybox-archive', [archive, 'docker.io/library/busybox:latest']);
  await run('node', ['dist/berth.js', 'load', archive]);
  const words = (command: string) =>
    command
      .split(' ')
      .slice(1)
      .map((word) => ({ NAME: 'hello', FILE: archive, IMAGE: 'busybox' })[word] ?? word);
  for (const command of inline) {
    expect([command, await run('node', ['dist/berth.js', ...words(command)])]).toEqual([command, expect.any(String)]);
  }

  // Nothing here asks for more than the machine itself: it can be run again, and taken away.
  await run('deploy/try', []);
  await run('deploy/try', ['--clean']);
  await expect(access(`/var/lib/${name}`)).rejects.toThrow('ENOENT');
  await expect(access(`/run/${name}`)).rejects.toThrow('ENOENT');
  await expect(access(`/sys/class/net/${name}0`)).rejects.toThrow('ENOENT');
});
