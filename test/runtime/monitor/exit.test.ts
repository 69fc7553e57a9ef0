import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readExitRecord } from '../../../src/runtime';
import { Workspace } from '../support/bundle';
import { TestContainer } from '../support/container';
import { describeRuntimes } from '../support/runtimes';
import { slow } from '../../slow.cjs';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

test(
  'a hundred containers that exit at once: each code, each line, each record',
  async () => {
    for (let round = 0; round < 100; round += 10)
      await Promise.all(
        Array.from({ length: 10 }, async (_, i) => {
          const code = round + i;
          await using container = await TestContainer.start(workspace, {
            args: ['sh', '-c', `echo line ${code}; exit ${code}`],
            runtime: 'fake',
          });
          const record = await container.exited();
          expect(record.status).toEqual({ kind: 'exited', code });
          expect(record.startedAt).toBeGreaterThan(0n);
          expect(record.finishedAt).toBeGreaterThanOrEqual(record.startedAt);
          expect(await container.log()).toEqual([`stdout F line ${code}`]);
          expect(await readExitRecord(container.request.exitFile)).toEqual(record);
        }),
      );
  },
  60_000 * slow,
);

describe('an init that is no child of its monitor', () => {
  test('has an end, of which it is honestly said that its status is not known', async () => {
    const stranger = spawn('sleep', ['1000'], { stdio: 'ignore' });
    try {
      await using container = await TestContainer.launch(workspace, {
        args: ['sleep', '1000'],
        runtime: 'fake',
        misbehave: { create: `pidfile=${stranger.pid}` },
      });
      await container.monitor.created();
      const ended = once(stranger, 'exit');
      expect(await container.monitor.signal(15)).toBe(true);
      await ended;
      const record = await container.exited();
      expect(record.status).toEqual({ kind: 'unknown', reason: 'init was no child of its monitor' });
      expect(record.finishedAt).toBeGreaterThan(0n);
    } finally {
      stranger.kill('SIGKILL');
    }
  });
});

describeRuntimes('the time of the start', (runtime) => {
  /** A runtime whose start fails, before or after the real one has let init go. */
  async function failingStart(before: boolean): Promise<string> {
    const path = join(workspace.path, `start-${runtime}-${before}`);
    const real = before ? 'exit 1' : `${runtime} "$@"; sleep 0.2; exit 1`;
    await writeFile(path, `#!/bin/sh\ncase "$*" in *" start "*) ${real};; esac\nexec ${runtime} "$@"\n`, {
      mode: 0o755,
    });
    return path;
  }

  test('is told of a container that had run when its start failed', async () => {
    await using container = await TestContainer.launch(workspace, {
      args: ['sh', '-c', 'echo ran; exit 3'],
      runtime,
      runtimePath: await failingStart(false),
    });
    await container.monitor.created();
    await expect(container.monitor.start()).rejects.toMatchObject({ code: 'runtime-failed' });
    const record = await container.exited();
    expect(record.status).toEqual({ kind: 'exited', code: 3 });
    expect(record.startedAt).toBeGreaterThan(0n);
    expect(await container.log()).toEqual(['stdout F ran']);
  });

  test('is 0 if it never ran', async () => {
    await using container = await TestContainer.launch(workspace, {
      args: ['echo', 'never'],
      runtime,
      runtimePath: await failingStart(true),
    });
    await container.monitor.created();
    await expect(container.monitor.start()).rejects.toMatchObject({ code: 'runtime-failed' });
    await container.monitor.signal(9);
    const record = await container.exited();
    expect(record).toMatchObject({ status: { kind: 'signaled', signal: 9 }, startedAt: 0n });
    expect(await container.log()).toEqual([]);
  });
});

describeRuntimes('a create that fails', (runtime) => {
  test('tells what is known of its hook, and waits for nobody that the hook has left', async () => {
    // runc itself would wait for who holds the hook's stderr.
    const held = runtime === 'runc' ? '>/dev/null 2>&1' : '';
    const hook = { path: '/bin/sh', args: ['sh', '-c', `sleep 5 ${held} & echo the hook is unhappy >&2; exit 1`] };
    const begun = Date.now();
    await using container = await TestContainer.launch(workspace, {
      args: ['true'],
      hooks: { createRuntime: [hook] },
      runtime,
    });
    // crun throws away what hooks say.
    const words = runtime === 'runc' ? 'the hook is unhappy' : 'error executing hook';
    await expect(container.monitor.created()).rejects.toMatchObject({
      code: 'runtime-failed',
      detail: expect.stringContaining(words) as string,
    });
    expect(Date.now() - begun).toBeLessThan(4000 * slow);
    await container.left();
    expect(existsSync(container.request.exitFile)).toBe(false);
  });
});

test('of a mebibyte that a runtime says, its last words are kept', async () => {
  const path = join(workspace.path, 'talker');
  const script =
    '#!/bin/sh\nhead -c 1048576 /dev/zero | tr "\\0" x >&2\necho >&2; echo "this is what failed: é" >&2\nexit 1\n';
  await writeFile(path, script, { mode: 0o755 });
  await using container = await TestContainer.launch(workspace, { args: ['true'], runtimePath: path });
  const failure: unknown = await container.monitor.created().catch((error: unknown) => error);
  expect(failure).toMatchObject({ detail: expect.stringMatching(/^x+\nthis is what failed: é$/) as string });
  expect(Buffer.byteLength((failure as { detail: string }).detail)).toBe(8192);
});
