import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { processOf, Workspace } from '../support/bundle';
import { descriptors, TestContainer } from '../support/container';
import { until } from '../support/until';
import { slow } from '../../slow.cjs';

let workspace: Workspace;
let container: TestContainer;
beforeAll(async () => {
  workspace = await Workspace.make();
  container = await TestContainer.start(workspace, { args: ['sleep', '100000'] });
});
afterAll(async () => {
  await container[Symbol.asyncDispose]();
  await workspace[Symbol.asyncDispose]();
});

/** Command lines of the processes in the container, as the container sees them. */
async function commands(): Promise<string> {
  return (await container.exec(['sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null'])).stdout.replaceAll('\0', ' ');
}

describe('exec', () => {
  test('gives output, streams apart, and the exit code', async () => {
    const end = await container.exec(['sh', '-c', 'echo out; echo err >&2; exit 7']);
    expect(end).toEqual({
      status: { kind: 'exited', code: 7 },
      timedOut: false,
      truncated: false,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  test('tells the signal that ended it', async () => {
    expect((await container.exec(['sh', '-c', 'kill -15 $$'])).status).toEqual({ kind: 'signaled', signal: 15 });
  });

  test('passes stdin on, to its end', async () => {
    const input = 'x'.repeat(3 * 1024 * 1024);
    const end = await container.exec(['cat'], { input });
    expect(end.stdout.length).toBe(input.length);
    expect(end.stdout === input).toBe(true);
  });

  test('drops what a command does not read, as a pipe does', async () => {
    const end = await container.exec(['echo', 'done'], { input: 'y'.repeat(3_000_000) });
    expect(end).toMatchObject({ stdout: 'done\n', status: { kind: 'exited', code: 0 } });
  });

  test('runs several at once', async () => {
    const ends = await Promise.all(
      [1, 2, 3, 4, 5].map((i) => container.exec(['sh', '-c', `sleep 0.1; echo ${i}; exit ${i}`])),
    );
    expect(ends.map((end) => end.stdout)).toEqual(['1\n', '2\n', '3\n', '4\n', '5\n']);
    expect(ends.map((end) => end.status)).toEqual([1, 2, 3, 4, 5].map((code) => ({ kind: 'exited', code })));
  });

  test('says the runtime’s own words about a command that is not there', async () => {
    const session = container.monitor.exec(
      { process: processOf(['/no/such']), stdin: false, tty: false, timeoutMs: 0, outputCap: 0 },
      { stdout: () => undefined, stderr: () => undefined },
    );
    await expect(session.started).rejects.toMatchObject({
      code: 'container-command',
      detail: expect.stringContaining('/no/such') as string,
    });
    await expect(session.end).rejects.toMatchObject({ code: 'container-command' });
  });

  test('kills the whole tree at the deadline', async () => {
    const begun = Date.now();
    const end = await container.exec(['sh', '-c', 'sleep 777 & setsid sleep 778 & echo up; sleep 779'], {
      timeoutMs: 500 * slow,
    });
    expect(end.timedOut).toBe(true);
    expect(end.status).toEqual({ kind: 'signaled', signal: 9 });
    expect(end.stdout).toBe('up\n');
    expect(Date.now() - begun).toBeLessThan(3000 * slow);
    expect(await commands()).not.toMatch(/sleep 77/);
  });

  test('kills the whole tree when its client goes', async () => {
    let seen: () => void = () => undefined;
    const output = new Promise<void>((resolve) => (seen = resolve));
    const session = container.monitor.exec(
      {
        process: processOf(['sh', '-c', 'sleep 881 & echo up; sleep 882']),
        stdin: false,
        tty: false,
        timeoutMs: 0,
        outputCap: 0,
      },
      { stdout: () => seen(), stderr: () => undefined },
    );
    await output;
    expect(await commands()).toMatch(/sleep 882/);
    session.kill();
    await expect(session.end).rejects.toMatchObject({ code: 'call-cancelled' });
    await until(async () => !/sleep 88/.test(await commands()));
  });

  test('does not wait for what the command has left in the background', async () => {
    const begun = Date.now();
    const end = await container.exec(['sh', '-c', 'sleep 5 & echo left']);
    expect(end).toMatchObject({ stdout: 'left\n', status: { kind: 'exited', code: 0 } });
    expect(Date.now() - begun).toBeLessThan(3000 * slow);
  });

  test('caps the output and says so', async () => {
    const end = await container.exec(['sh', '-c', 'head -c 1000000 /dev/zero'], { outputCap: 1000 });
    expect(end).toMatchObject({ truncated: true, status: { kind: 'exited', code: 0 } });
    expect(end.stdout.length).toBe(1000);
  });

  test('slows the command down for a slow client, and nothing else', async () => {
    let received = 0;
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const size = 8 * 1024 * 1024;
    const session = container.monitor.exec(
      {
        process: processOf(['head', '-c', String(size), '/dev/zero']),
        stdin: false,
        tty: false,
        timeoutMs: 0,
        outputCap: 0,
      },
      {
        stdout: async (data) => {
          received += data.length;
          await gate;
        },
        stderr: () => undefined,
      },
    );
    await session.started;
    // Others are served meanwhile.
    expect((await container.exec(['echo', 'quick'])).stdout).toBe('quick\n');
    const early = await Promise.race([
      session.end.then(() => 'ended'),
      new Promise((r) => setTimeout(() => r('waiting'), 200)),
    ]);
    expect(early).toBe('waiting');
    expect(received).toBeLessThan(size);
    go();
    expect((await session.end).status).toEqual({ kind: 'exited', code: 0 });
    expect(received).toBe(size);
  });

  test('gives a terminal, its size, and the end of input', async () => {
    const out: Buffer[] = [];
    const session = container.monitor.exec(
      {
        process: processOf(['sh', '-c', 'read go; stty size; cat'], true),
        stdin: true,
        tty: true,
        timeoutMs: 0,
        outputCap: 0,
      },
      { stdout: (data) => void out.push(data), stderr: () => undefined },
    );
    await session.resize(101, 33);
    await session.writeStdin(Buffer.from('go\nhello\n'));
    await session.closeStdin();
    expect((await session.end).status).toEqual({ kind: 'exited', code: 0 });
    expect(Buffer.concat(out).toString()).toBe('go\r\nhello\r\n33 101\r\nhello\r\n');
  });

  test('leaves no descriptor, file or process behind', async () => {
    const pid = container.process.pid ?? 0;
    const before = (await descriptors(pid)).length;
    for (let i = 0; i < 10; i++) await container.exec(['true-not-there']).catch(() => undefined);
    await Promise.all(Array.from({ length: 10 }, () => container.exec(['echo', 'x'])));
    await until(async () => (await descriptors(pid)).length <= before);
    expect((await readdir(dirname(container.request.pidFile))).filter((name) => name.startsWith('pid.x'))).toEqual([]);
    // Only the container's init is left.
    const { state } = container.monitor;
    const init = state.kind === 'running' ? state.init.pid : undefined;
    expect((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim()).toBe(String(init));
  });
});
