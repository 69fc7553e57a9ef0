import { Workspace } from '../support/bundle';
import { TestContainer, waitForGo } from '../support/container';
import { until } from '../support/until';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

describe('the container’s stdin', () => {
  test('gets the frames of several clients whole', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', 'cat; echo over'],
      stdin: true,
      stdinOnce: true,
    });
    const letters = ['a', 'b', 'c', 'd'];
    const clients = await Promise.all(letters.map(async () => container.attach({ stdout: false, stderr: false })));
    await Promise.all(
      clients.map(async ({ session }, i) => {
        for (let n = 0; n < 20; n++) await session.writeStdin(Buffer.from(`${letters[i]?.repeat(60_000)}\n`));
        await session.closeStdin();
      }),
    );
    await container.exited();
    const lines = (await container.log())
      .map((line) => (line.startsWith('stdout P ') ? line.slice(9) : `${line.slice(9)}\n`))
      .join('')
      .split('\n');
    expect(lines.slice(-2)).toEqual(['over', '']);
    expect(lines.length).toBe(82);
    for (const line of lines.slice(0, -2)) expect(line === (line[0] ?? '').repeat(60_000)).toBe(true);
  });

  test('stays open when clients leave or send no more', async () => {
    await using container = await TestContainer.start(workspace, { args: ['cat'], stdin: true });
    const first = await container.attach();
    await first.session.closeStdin();
    await first.session.writeStdin(Buffer.from('after its end\n'));
    const second = await container.attach();
    await second.session.writeStdin(Buffer.from('still open\n'));
    await first.output.has('still open\n');
    expect(first.output.text()).toBe('still open\n');
  });

  test('once, is closed when the last of its clients has sent its end or has gone', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', 'cat; echo over; exit 4'],
      stdin: true,
      stdinOnce: true,
    });
    const watcher = await container.attach({ stdin: false });
    const first = await container.attach();
    const second = await container.attach();
    await first.session.writeStdin(Buffer.from('first\n'));
    await first.session.closeStdin();
    await watcher.output.has('first\n');
    await second.session.writeStdin(Buffer.from('second\n'));
    await watcher.output.has('second\n');
    second.session.detach();
    expect(await watcher.session.end).toEqual({ kind: 'ended', status: { kind: 'exited', code: 4 } });
    expect(watcher.output.text()).toBe('first\nsecond\nover\n');
  });

  test('once, takes nothing more when it has been closed', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', `cat; ${waitForGo}; cat; echo over`],
      stdin: true,
      stdinOnce: true,
    });
    const first = await container.attach();
    await first.session.closeStdin();
    const late = await container.attach();
    await late.session.writeStdin(Buffer.from('too late\n'));
    await container.go();
    await late.session.end;
    expect(late.output.text()).toBe('over\n');
  });

  test('that the container has closed costs the client its bytes, not its session', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', `exec 0</dev/null; echo closed; ${waitForGo}; echo still here`],
      stdin: true,
    });
    const { session, output } = await container.attach();
    await until(async () => (await container.log()).includes('stdout F closed'));
    await session.writeStdin(Buffer.alloc(2 * 1024 ** 2));
    await container.go();
    expect(await session.end).toMatchObject({ kind: 'ended', status: { code: 0 } });
    expect(output.text()).toContain('still here\n');
  });

  test('that is not read stops its sender, and nobody else', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', `${waitForGo}; echo up; cat`],
      stdin: true,
    });
    const sender = await container.attach();
    const sent = sender.session.writeStdin(Buffer.from('s'.repeat(4 * 1024 ** 2)));
    const patient = await container.attach();
    await patient.session.writeStdin(Buffer.from('patient\n'));
    // Both wait; control, exec and others are served.
    const early = await Promise.race([sent.then(() => 'sent'), container.exec(['echo', 'quick'])]);
    expect(early).toMatchObject({ stdout: 'quick\n' });
    // Who goes takes with it what has not been taken yet; the next one's frame is whole.
    sender.session.detach();
    await expect(sent).rejects.toMatchObject({ code: 'call-cancelled' });
    await container.go();
    await patient.output.has('patient\n');
    expect(patient.output.text()).toMatch(/^up\ns*patient\n$/);
  });

  test('is nowhere without --stdin: what is sent is dropped', async () => {
    await using container = await TestContainer.start(workspace, {
      args: ['sh', '-c', `cat; ${waitForGo}; echo over`],
    });
    const { session, output } = await container.attach();
    await session.writeStdin(Buffer.alloc(1024 ** 2));
    await session.closeStdin();
    await container.go();
    await session.end;
    expect(output.text()).toBe('over\n');
  });
});
