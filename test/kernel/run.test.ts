import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type { Kernel } from '../../src/kernel';
import { homeHierarchy, readHierarchies } from '../../src/kernel/hierarchies';
import { Ground, runs, until } from './support';

describe('run', () => {
  const ground = new Ground();
  let kernel: Kernel;
  beforeAll(async () => {
    kernel = await ground.start();
  });
  afterAll(() => ground.dispose());

  const sh = (script: string, more = {}) => ({ path: '/bin/sh', args: ['-c', script], ...more });

  test('gives status, output and nothing of our environment', async () => {
    process.env['BERTH_TEST_LEAK'] = 'yes';
    const result = await kernel.run(
      sh('pwd; env | sort; cat; echo oops >&2; exit 3', { env: { B: '2', A: '1 x' }, cwd: '/usr', stdin: 'in\n' }),
    );
    expect(result).toMatchObject({ exitCode: 3, signal: undefined, timedOut: false, truncated: false });
    expect(result.stdout.toString()).toBe('/usr\nA=1 x\nB=2\nPWD=/usr\nin\n');
    expect(result.stderr.toString()).toBe('oops\n');
  });

  test('passes arguments exactly, and no descriptor but the three', async () => {
    const result = await kernel.run({ path: 'printf', args: ['[%s]', '', 'a b', '"$x"', 'ä'] });
    expect(result.stdout.toString()).toBe('[][a b]["$x"][ä]');
    // The fourth is the folder that ls reads.
    const fds = await kernel.run({ path: 'ls', args: ['/proc/self/fd'] });
    expect(fds.stdout.toString()).toBe('0\n1\n2\n3\n');
  });

  test('runs in the helpers cgroup, with default signals and mask', async () => {
    const result = await kernel.run(sh('cat /proc/self/cgroup; grep Sig /proc/self/status; umask'));
    const text = result.stdout.toString();
    expect(text).toContain(`${ground.cgroupBase}/helpers\n`);
    expect(text).toMatch(/SigBlk:\s*0+\n/);
    expect(text).toMatch(/SigIgn:\s*0+\n/);
    expect(text).toMatch(/0022\n$/);
  });

  test('48 KiB of stdin fit, more is refused', async () => {
    const result = await kernel.run({ path: 'wc', args: ['-c'], stdin: Buffer.alloc(48 * 1024) });
    expect(result.stdout.toString().trim()).toBe(String(48 * 1024));
    const more = kernel.run({ path: 'wc', args: ['-c'], stdin: Buffer.alloc(48 * 1024 + 1) });
    await expect(more).rejects.toMatchObject({ code: 'argument-invalid' });
  });

  test('a signal is told as such', async () => {
    expect(await kernel.run(sh('kill -TERM $$'))).toMatchObject({ exitCode: undefined, signal: 15, timedOut: false });
  });

  test('a program that is not there is named', async () => {
    await expect(kernel.run({ path: '/no/such/program', args: [] })).rejects.toMatchObject({
      code: 'program-missing',
      message: expect.stringMatching(/\/no\/such\/program.*ENOENT/) as string,
    });
    await expect(kernel.run({ path: 'no-such-name', args: [] })).rejects.toMatchObject({ code: 'program-missing' });
  });

  test('output beyond 64 KiB is dropped, told, and does not stop the program', async () => {
    const result = await kernel.run(sh('head -c 300000 /dev/zero; echo end >&2'));
    expect(result).toMatchObject({ exitCode: 0, truncated: true });
    expect(result.stdout.length).toBe(64 * 1024);
    expect(result.stderr.toString()).toBe('end\n');
  });

  test('the deadline kills the program with what it started', async () => {
    const result = await kernel.run(sh('echo first; sleep 1000 & echo $!; wait', { timeoutMs: 200 }));
    expect(result).toMatchObject({ signal: 9, timedOut: true });
    const [first, child] = result.stdout.toString().trim().split('\n');
    expect(first).toBe('first');
    await until('the child has ended', () => !runs(Number(child)));
  });

  test('an end is not held up by a grandchild that keeps the output open', async () => {
    const started = Date.now();
    const result = await kernel.run(sh('sleep 5 & echo done'));
    expect(result.stdout.toString()).toBe('done\n');
    expect(Date.now() - started).toBeLessThan(4000);
  });

  test('an aborted signal kills the program before the call rejects', async () => {
    const controller = new AbortController();
    const marker = `1000.${process.pid}`;
    const running = kernel.run({ path: 'sleep', args: [marker] }, controller.signal);
    const home = homeHierarchy(await readHierarchies());
    const procs = join(home?.dir ?? '', ground.cgroupBase, 'helpers/cgroup.procs');
    const helpers = () =>
      readFileSync(procs, 'utf8')
        .split('\n')
        .filter((pid) => pid && runs(Number(pid)) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker));
    await until('it runs', () => helpers().length > 0);
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'call-cancelled' });
    expect(helpers()).toEqual([]);
  });

  test('a signal that is aborted already starts nothing', async () => {
    const call = kernel.run({ path: 'true', args: [] }, AbortSignal.abort());
    await expect(call).rejects.toMatchObject({ code: 'call-cancelled' });
  });

  test('200 at once all answer, and leave no descriptor behind', async () => {
    const launcher = Number((await kernel.run(sh('echo $PPID'))).stdout.toString());
    const descriptors = () => readdirSync(`/proc/${launcher}/fd`).length;
    const before = descriptors();
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, i) => kernel.run(sh(`cat; exit ${i % 7}`, { stdin: `${i}` }))),
    );
    expect(results.map((r) => r.stdout.toString())).toEqual(results.map((_, i) => `${i}`));
    expect(results.map((r) => r.exitCode)).toEqual(results.map((_, i) => i % 7));
    expect(descriptors()).toBe(before);
  });

  test('50 MiB of stdin are streamed', async () => {
    const chunk = Buffer.alloc(1 << 20, 'x');
    const { stdin, result } = await kernel.runStreamed({ path: 'sha256sum', args: [] });
    await pipeline(Readable.from(Array.from({ length: 50 }, () => chunk)), stdin);
    const expected = await kernel.run(sh('head -c 52428800 /dev/zero | tr "\\0" x | sha256sum'));
    expect((await result).stdout.toString()).toBe(expected.stdout.toString());
  });

  test('a streamed program that leaves early breaks the pipe, and its result says how', async () => {
    const { stdin, result } = await kernel.runStreamed(sh('head -c 10 >/dev/null; exit 4'));
    const written = pipeline(Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(1 << 16))), stdin);
    await expect(written).rejects.toMatchObject({ code: expect.any(String) as string });
    expect(await result).toMatchObject({ exitCode: 4 });
  });

  test('a streamed program that is not there is named', async () => {
    const run = async () => (await kernel.runStreamed({ path: '/no/such', args: [] })).result;
    await expect(run()).rejects.toMatchObject({ code: 'program-missing' });
  });
});
