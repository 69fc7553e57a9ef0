import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readExitRecord } from '../../../src/runtime';
import { decodeError, encodeAttach, errorCode, frameType, role } from '../../../src/runtime/monitor/protocol';
import { Workspace } from '../support/bundle';
import { descriptors, TestContainer, waitForGo } from '../support/container';
import { RawClient } from '../support/raw-client';
import { until } from '../support/until';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

describe('output', () => {
  test('goes to every client, streams apart, and EXIT says how it ended', async () => {
    await using container = await TestContainer.launch(workspace, {
      args: ['sh', '-c', 'echo out; echo err >&2; exit 7'],
    });
    await container.monitor.created();
    const all = await container.attach({ stdin: false });
    const one = await container.attach({ stdin: false, stderr: false });
    const none = await container.attach({ stdin: false, stdout: false, stderr: false });
    await container.monitor.start();
    const end = { kind: 'ended', status: { kind: 'exited', code: 7 } };
    expect(await Promise.all([all, one, none].map(async ({ session }) => session.end))).toEqual([end, end, end]);
    expect([all.output.text('stdout'), all.output.text('stderr')]).toEqual(['out\n', 'err\n']);
    expect([one.output.text('stdout'), one.output.text('stderr')]).toEqual(['out\n', '']);
    expect(none.output.text()).toBe('');
  });

  test('of a container that ends at once is whole, and logged before EXIT is told', async () => {
    for (let code = 0; code < 8; code++) {
      await using container = await TestContainer.launch(workspace, {
        args: ['sh', '-c', `echo ${code}; exit ${code}`],
      });
      await container.monitor.created();
      const { session, output } = await container.attach();
      void container.monitor.start();
      expect(await session.end).toEqual({ kind: 'ended', status: { kind: 'exited', code } });
      expect(output.text()).toBe(`${code}\n`);
      expect(await container.log()).toEqual([`stdout F ${code}`]);
      expect((await readExitRecord(container.request.exitFile))?.status).toEqual({ kind: 'exited', code });
    }
  });

  test('is given as it was read: an unfinished line too', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', `${waitForGo}; printf 'name? '; read name; echo "hello $name"`],
      stdin: true,
    });
    const { session, output } = await container.attach();
    await container.go();
    await output.has('name? ');
    await session.writeStdin(Buffer.from('berth\n'));
    expect(await session.end).toMatchObject({ kind: 'ended' });
    expect(output.text()).toBe('name? hello berth\n');
  });

  test('is awaited by nobody: a stalled client is let go, the log is whole meanwhile', async () => {
    const size = 16 * 1024 ** 2;
    const script = `${waitForGo}; yes ${'x'.repeat(999)} | head -c ${size}`;
    await using container = await TestContainer.start(workspace, { args: ['sh', '-c', script] });
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let received = 0;
    const stalled = container.monitor.attach(
      { stdin: false, stdout: true, stderr: true },
      {
        stdout: async (data) => {
          received += data.length;
          await gate;
        },
        stderr: () => undefined,
      },
    );
    await stalled.started;
    await container.go();
    // It ends, though one client has not read on for all that time.
    const record = await container.exited();
    expect(record).toMatchObject({ status: { kind: 'exited', code: 0 }, bytesDropped: 0n });
    expect((await container.log()).filter((line) => line === `stdout F ${'x'.repeat(999)}`).length).toBe(
      Math.floor(size / 1000),
    );
    open();
    await expect(stalled.end).rejects.toMatchObject({ code: 'stream-slow' });
    // Less than all, more than the 64 KiB that are kept for it.
    expect(received).toBeGreaterThan(64 * 1024);
    expect(received).toBeLessThan(2 * 1024 ** 2);
  });

  test('flows on at its rate beside a stalled client', async () => {
    const rate = async (stalled: boolean) => {
      const line = 'x'.repeat(999);
      await using container = await TestContainer.start(workspace, {
        args: ['sh', '-c', `${waitForGo}; yes ${line} | head -c 12000000`],
      });
      const never = new Promise<void>(() => undefined);
      if (stalled) {
        const output = { stdout: async () => never, stderr: () => undefined };
        await container.monitor.attach({ stdin: false, stdout: true, stderr: true }, output).started;
      }
      await container.go();
      const { startedAt, finishedAt } = await container.exited();
      expect((await stat(container.request.logPath ?? '')).size).toBeGreaterThan(12_000_000);
      return Number(finishedAt - startedAt);
    };
    const alone = Math.min(await rate(false), await rate(false));
    const beside = Math.min(await rate(true), await rate(true));
    expect(beside / alone).toBeLessThan(3);
  });
});

describe('attaching', () => {
  test('again after detaching finds the container as it was', async () => {
    await using container = await TestContainer.start(workspace, { args: ['cat'], stdin: true });
    for (const word of ['one', 'two', 'three']) {
      const { session, output } = await container.attach();
      await session.writeStdin(Buffer.from(`${word}\n`));
      await output.has(`${word}\n`);
      session.detach();
      expect(await session.end).toEqual({ kind: 'detached' });
      expect(output.text()).toBe(`${word}\n`);
    }
    expect(container.monitor.state.kind).toBe('running');
    expect(await container.log()).toEqual(['stdout F one', 'stdout F two', 'stdout F three']);
  });

  test('leaves nothing behind in the monitor', async () => {
    await using container = await TestContainer.start(workspace, { args: ['cat'], stdin: true });
    const pid = container.process.pid ?? 0;
    const before = (await descriptors(pid)).length;
    for (let i = 0; i < 20; i++) (await container.attach()).session.detach();
    await until(async () => (await descriptors(pid)).length === before);
  });

  test('is refused while there is no container yet, and when it has ended', async () => {
    const runtimePath = join(workspace.path, 'gated-runtime');
    const gate = join(workspace.path, 'gate');
    await writeFile(
      runtimePath,
      `#!/bin/sh\ncase "$*" in *" create "*) while ! test -e ${gate}; do sleep 0.02; done;; esac\nexec /usr/sbin/runc "$@"\n`,
      { mode: 0o755 },
    );
    await using container = await TestContainer.launch(workspace, { args: ['sh', '-c', 'exit 0'], runtimePath });
    await expect(container.attach()).rejects.toMatchObject({ code: 'container-state' });
    await writeFile(gate, '');
    await container.monitor.created();
    await container.monitor.start();
    await container.exited();
    await expect(container.attach()).rejects.toMatchObject({ code: 'container-state' });
  });

  test('holds no monitor whose container has ended', async () => {
    await using container = await TestContainer.start(workspace, { args: ['sh', '-c', `${waitForGo}; exit 3`] });
    const { session } = await container.attach();
    await container.go();
    container.monitor.close();
    expect(await session.end).toEqual({ kind: 'ended', status: { kind: 'exited', code: 3 } });
    await container.left();
  });

  test('and never reading delays the monitor’s end for seconds only', async () => {
    const script = `${waitForGo}; head -c 400000 /dev/zero`;
    await using container = await TestContainer.start(workspace, { args: ['sh', '-c', script] });
    const output = { stdout: async () => new Promise<void>(() => undefined), stderr: () => undefined };
    await container.monitor.attach({ stdin: false, stdout: true, stderr: true }, output).started;
    await container.go();
    await container.exited();
    await container.monitor.release();
    await container.left();
  });

  test('late, without a control client left, is answered, and does not keep the monitor', async () => {
    await using container = await TestContainer.start(workspace, { args: ['sh', '-c', waitForGo] });
    const stranger = await RawClient.connect(container.request.socketPath);
    await container.go();
    await container.exited();
    container.monitor.close();
    // It may be a control client yet: the monitor is there.
    stranger.greetAs(role.attach);
    stranger.send(frameType.attach, encodeAttach({ stdin: false, stdout: true, stderr: true }));
    const { payload } = await stranger.frame(frameType.error);
    expect(decodeError(payload).code).toBe(errorCode.state);
    stranger.close();
    await container.left();
  });
});
