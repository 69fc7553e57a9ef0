import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { processOf, Workspace } from '../support/bundle';
import { pathOf, TestContainer } from '../support/container';
import { describeRuntimes } from '../support/runtimes';
import { until } from '../support/until';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

const tooLate = { code: 'container-state', detail: 'the container is not running' };

/** State and flags of a process (proc(5): fields 3 and 9). */
async function statOf(pid: number): Promise<{ state: string; exiting: boolean }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', exiting: (Number(fields[6]) & 0x4) !== 0 };
}

function initOf({ monitor: { state } }: TestContainer): number {
  if (state.kind !== 'running') throw new Error('the container does not run');
  return state.init.pid;
}

describeRuntimes('an exec that the end of the container has overtaken', (runtime) => {
  /** The runtime, but an exec waits for `gate` as soon as `hold` is there; it then tells its pid in `held`. */
  async function held(name: string) {
    const [path, hold, told, gate] = ['', '.hold', '.held', '.gate'].map((end) => join(workspace.path, name + end));
    if (path === undefined || hold === undefined || told === undefined || gate === undefined) throw new Error('paths');
    execFileSync('mkfifo', [gate]);
    const wait = `*" exec --process "*) if test -e ${hold}; then echo $$ > ${told}.new; mv ${told}.new ${told}; cat ${gate}; fi`;
    await writeFile(path, `#!/bin/sh\ncase "$*" in ${wait};; esac\nexec ${pathOf(runtime)} "$@"\n`, { mode: 0o755 });
    return { path, hold, told, gate };
  }

  test.each([
    ['has ended, which the monitor has not been told yet', false],
    ['is ending: its namespaces are gone, it cannot be reaped yet', true],
  ])('is told so where init %s', async (_, withOther) => {
    const { path, hold, told, gate } = await held(`${runtime}-${withOther}`);
    await using container = await TestContainer.start(workspace, { args: ['sleep', '1000'], runtimePath: path });
    const { pid: monitor = 0 } = container.process;
    const init = initOf(container);
    // The last of a PID namespace waits in its end until all others are reaped: this one is the monitor's to reap.
    const other = container.monitor.exec(
      { process: processOf(['sleep', withOther ? '1000' : '0']), stdin: false, tty: false, timeoutMs: 0, outputCap: 0 },
      { stdout: () => undefined, stderr: () => undefined },
    );
    await (withOther ? other.started : other.end);

    await writeFile(hold, '');
    const late = container.exec(['true']);
    late.catch(() => undefined);
    await until(async () => existsSync(told));
    const call = Number(await readFile(told, 'utf8'));
    process.kill(monitor, 'SIGSTOP');
    try {
      process.kill(init, 'SIGKILL');
      await until(async () => (withOther ? (await statOf(init)).exiting : (await statOf(init)).state === 'Z'));
      await writeFile(gate, '');
      await until(async () => (await statOf(call)).state === 'Z');
      expect((await statOf(init)).state === 'Z').toBe(!withOther);
    } finally {
      process.kill(monitor, 'SIGCONT');
    }
    await expect(late).rejects.toMatchObject(tooLate);
    expect((await container.exited()).status).toEqual({ kind: 'signaled', signal: 9 });
    if (withOther) expect((await other.end).status).toEqual({ kind: 'signaled', signal: 9 });
  });
});

test('an exec whose runtime is still at work when the container ends is told so', async () => {
  await using container = await TestContainer.start(workspace, {
    args: ['sleep', '1000'],
    runtime: 'fake',
    misbehave: { exec: 'sleep=600000' },
  });
  const late = container.exec(['true']);
  late.catch(() => undefined);
  const dir = dirname(container.request.pidFile);
  await until(async () => (await readdir(dir)).some((name) => /\.x\d+\.json$/.test(name)));
  expect(await container.monitor.signal(9)).toBe(true);
  await expect(late).rejects.toMatchObject(tooLate);
  await container.exited();
});
