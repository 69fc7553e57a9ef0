import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { processOf, Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';
import { describeRuntimes } from '../support/runtimes';
import { until } from '../support/until';
import { slow } from '../../slow.cjs';

const run = promisify(execFile);

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

/** Command lines of the processes in the container, as the container sees them. */
async function commands(container: TestContainer): Promise<string> {
  return (await container.exec(['sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null'])).stdout.replaceAll('\0', ' ');
}

/** The folders of the container's own cgroups that may have groups of execs. */
async function cgroups(container: TestContainer): Promise<readonly string[]> {
  const { state } = container.monitor;
  if (state.kind !== 'running') throw new Error('the container does not run');
  const lines = (await readFile(`/proc/${state.init.pid}/cgroup`, 'utf8')).trim().split('\n');
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' '));
  return lines.flatMap((line) => {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const mount = mounts.find((fields) =>
      names === '' ? fields.includes('cgroup2') : fields.includes('cgroup') && fields.at(-1)?.endsWith(names ?? ''),
    );
    return mount?.[4] === undefined ? [] : [join(mount[4], path ?? '')];
  });
}

async function groups(container: TestContainer): Promise<readonly string[]> {
  const folders = await Promise.all((await cgroups(container)).map(async (folder) => readdir(folder)));
  return folders.flat().filter((name) => name.startsWith('conmon-exec-'));
}

/** Who daemonises as one should: a session of its own, no parent, no pipes. */
const daemon = (seconds: number) => `setsid sh -c "sleep ${seconds} </dev/null >/dev/null 2>&1 &"`;

describeRuntimes('an exec has a cgroup of its own', (runtime) => {
  let container: TestContainer;
  beforeAll(async () => {
    container = await TestContainer.start(workspace, { args: ['sleep', '100000'], runtime });
  });
  afterAll(async () => container[Symbol.asyncDispose]());

  test('a deadline ends daemons in sessions of their own, whose parents are dead', async () => {
    // crun has no race-free way in on cgroup v1: what is forked in its first moments could be missed.
    const script = `${runtime === 'crun' ? 'sleep 0.2; ' : ''}${daemon(701)}; ${daemon(702)}; echo up; sleep 703`;
    const end = await container.exec(['sh', '-c', script], { timeoutMs: 700 * slow });
    expect(end).toMatchObject({ timedOut: true, status: { kind: 'signaled', signal: 9 }, stdout: 'up\n' });
    await until(async () => !/sleep 70/.test(await commands(container)));
    await until(async () => (await groups(container)).length === 0);
  });

  test('a fork bomb is ended too', async () => {
    const bomb = 'while :; do (setsid sh -c "while :; do sleep 0.01; done" &); done';
    const script = runtime === 'crun' ? `sleep 0.2; ${bomb}` : bomb;
    const end = await container.exec(['sh', '-c', script], { timeoutMs: 400 });
    expect(end.timedOut).toBe(true);
    await until(async () => !/while/.test(await commands(container)));
    await until(async () => (await groups(container)).length === 0);
  });

  test('daemons of a command that ended by itself live on, in the container’s cgroup', async () => {
    const end = await container.exec(['sh', '-c', `${daemon(711)}; echo done`], { timeoutMs: 60_000 });
    expect(end).toMatchObject({ timedOut: false, status: { kind: 'exited', code: 0 }, stdout: 'done\n' });
    await until(async () => (await groups(container)).length === 0);
    expect(await commands(container)).toContain('sleep 711');
    const kill = 'for p in /proc/[0-9]*; do test "$(cat $p/cmdline | head -c 9)" = sleep711 && kill ${p#/proc/}; done';
    await container.exec(['sh', '-c', kill]);
    await until(async () => !/sleep 711/.test(await commands(container)));
  });

  test('a client that goes takes them with it', async () => {
    let seen: () => void = () => undefined;
    const output = new Promise<void>((resolve) => (seen = resolve));
    const script = `sleep 0.2; ${daemon(721)}; echo up; sleep 722`;
    const request = { process: processOf(['sh', '-c', script]), stdin: false, tty: false, timeoutMs: 0, outputCap: 0 };
    const session = container.monitor.exec(request, { stdout: () => seen(), stderr: () => undefined });
    await output;
    expect((await groups(container)).length).toBe(1);
    session.kill();
    await expect(session.end).rejects.toMatchObject({ code: 'call-cancelled' });
    await until(async () => !/sleep 72/.test(await commands(container)));
    await until(async () => (await groups(container)).length === 0);
  });

  test('a deadline passes in a frozen container too, and its process is gone when that thaws', async () => {
    const request = { process: processOf(['sleep', '731']), stdin: false, tty: false, timeoutMs: 600, outputCap: 0 };
    const session = container.monitor.exec(request, { stdout: () => undefined, stderr: () => undefined });
    await session.started;
    const call = ['--root', container.request.runtimeRoot];
    await run(container.request.runtimePath, [...call, 'pause', container.request.id]);
    // v2 lets a frozen process be killed, v1 does not.
    expect(await session.end).toMatchObject({
      timedOut: true,
      status: { kind: expect.stringMatching(/^(unknown|signaled)$/) as string },
    });
    await run(container.request.runtimePath, [...call, 'resume', container.request.id]);
    await until(async () => (await groups(container)).length === 0);
    expect(await commands(container)).not.toContain('sleep 731');
  });

  test(
    'many at once, each with its own output, and nothing is left',
    async () => {
      const ends = await Promise.all(
        Array.from({ length: Math.ceil(200 / slow) }, async (_, i) =>
          container.exec(['sh', '-c', `echo ${i}; exit ${i % 7}`]),
        ),
      );
      expect(ends.map((end) => end.stdout)).toEqual(ends.map((_, i) => `${i}\n`));
      expect(ends.map((end) => end.status)).toEqual(ends.map((_, i) => ({ kind: 'exited', code: i % 7 })));
      await until(async () => (await groups(container)).length === 0);
    },
    60_000 * slow,
  );
});

describe('a runtime that will not have its cgroup', () => {
  /** A runtime in front of runc that writes its command lines down. */
  async function wrapper(name: string, refusal: string): Promise<{ path: string; calls: () => Promise<string[]> }> {
    const path = join(workspace.path, name);
    const calls = join(workspace.path, `${name}.calls`);
    await writeFile(calls, '');
    const script = `#!/bin/sh\necho "$*" >> ${calls}\ncase "$*" in ${refusal};; esac\nexec runc "$@"\n`;
    await writeFile(path, script, { mode: 0o755 });
    const read = async () => (await readFile(calls, 'utf8')).split('\n').filter((line) => line.includes(' exec '));
    return { path, calls: read };
  }

  test('runs the command without it, and is not asked again', async () => {
    const refusal = '*" --cgroup "*) echo "cannot enter conmon-exec-1: Operation not supported" >&2; exit 1';
    const { path, calls } = await wrapper('refusing', refusal);
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'], runtimePath: path });
    const input = 'through';
    expect(await container.exec(['cat'], { input })).toMatchObject({ stdout: 'through', status: { kind: 'exited' } });
    expect(await container.exec(['sh', '-c', 'exit 4'])).toMatchObject({ status: { kind: 'exited', code: 4 } });
    expect((await calls()).map((line) => line.includes(' --cgroup '))).toEqual([true, false, false]);
    const script = `sleep 0.2; ${daemon(741)}; sleep 742`;
    expect(await container.exec(['sh', '-c', script], { timeoutMs: 600 })).toMatchObject({ timedOut: true });
    await until(async () => !/sleep 74/.test(await commands(container)));
    await until(async () => (await groups(container)).length === 0);
  });

  test('runs all of the first execs without it, though it refuses each', async () => {
    const refusal = '*" --cgroup "*) echo "cannot enter conmon-exec-1: Operation not supported" >&2; exit 1';
    const { path } = await wrapper('refusing-many', refusal);
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'], runtimePath: path });
    const ends = await Promise.all([1, 2, 3, 4].map(async (i) => container.exec(['sh', '-c', `echo ${i}`])));
    expect(ends.map((end) => end.stdout)).toEqual(['1\n', '2\n', '3\n', '4\n']);
  });

  test('and does not know it, is never given it', async () => {
    const { path, calls } = await wrapper('old', '"exec --help") echo "no such thing here"; exit 0');
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'], runtimePath: path });
    expect((await container.exec(['echo', 'hi'])).stdout).toBe('hi\n');
    expect((await calls()).some((line) => line.includes('--cgroup'))).toBe(false);
  });

  test('an error about the command is told as it is', async () => {
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'] });
    await expect(container.exec(['/no/such'])).rejects.toMatchObject({ code: 'container-command' });
    await until(async () => (await groups(container)).length === 0);
  });
});
