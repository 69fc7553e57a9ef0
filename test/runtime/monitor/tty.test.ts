import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeResize, frameType, role } from '../../../src/runtime/monitor/protocol';
import { processOf, Workspace } from '../support/bundle';
import { TestContainer, waitForGo, type Attached } from '../support/container';
import { RawClient } from '../support/raw-client';
import { Transcript } from '../support/transcript';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.make();
});
afterAll(async () => workspace[Symbol.asyncDispose]());

const md5 = (data: Buffer) => createHash('md5').update(data).digest('hex');
const shell = (script: string) => ['sh', '-c', script];

/** A container with a terminal, attached before it starts. */
async function start(script: string): Promise<{ container: TestContainer } & Attached> {
  const options = { args: shell(script), tty: true, stdin: true, stdinOnce: true };
  const container = await TestContainer.launch(workspace, options);
  await container.monitor.created();
  const attached = await container.attach();
  await container.monitor.start();
  return { container, ...attached };
}

/** An exec with a terminal, in a container without one. */
function startExec(container: TestContainer, script: string) {
  const output = new Transcript();
  const process = processOf(shell(script), true);
  const session = container.monitor.exec({ process, stdin: true, tty: true, timeoutMs: 0, outputCap: 0 }, output);
  return { session, output };
}

/** Both kinds of session, over the same script: what holds for init's terminal holds for an exec's. */
async function inBoth(
  script: string,
  check: (attached: Pick<Attached, 'output'> & { session: Session }) => Promise<void>,
) {
  const { container, session, output } = await start(script);
  await using _container = container;
  await check({ session, output });
  await using idle = await TestContainer.start(workspace, { args: ['sleep', '1000'] });
  await check(startExec(idle, script));
}
type Session = Pick<Attached['session'], 'writeStdin' | 'closeStdin' | 'resize'> & { readonly end: Promise<unknown> };

/** Ticks of CPU time that a process has had. */
async function cpuTicks(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** The part of one CPU that the process takes while the work is done. */
async function load(pid: number, work: () => Promise<void>): Promise<number> {
  const before = await cpuTicks(pid);
  const begun = performance.now();
  await work();
  return ((await cpuTicks(pid)) - before) / 100 / ((performance.now() - begun) / 1000);
}

describe('the size of the terminal', () => {
  test('is kept until the terminal is there; 0 changes nothing', async () => {
    const gate = join(workspace.path, 'gate');
    const runtimePath = join(workspace.path, 'gated-runtime');
    const wait = `case "$*" in *" create "*) while ! test -e ${gate}; do sleep 0.02; done;; esac`;
    await writeFile(runtimePath, `#!/bin/sh\n${wait}\nexec /usr/sbin/runc "$@"\n`, { mode: 0o755 });
    await using container = await TestContainer.launch(workspace, { args: shell('stty size'), tty: true, runtimePath });
    const raw = await RawClient.greet(container.request.socketPath, role.control);
    raw.send(frameType.resize, encodeResize(101, 33));
    await raw.frame(frameType.ok);
    raw.send(frameType.resize, encodeResize(0, 50));
    raw.send(frameType.resize, encodeResize(80, 0));
    raw.send(frameType.signal, Buffer.of(18, 0, 0, 0));
    await raw.frame(frameType.signaled);
    raw.close();
    await writeFile(gate, '');
    await container.monitor.created();
    await container.monitor.start();
    await container.exited();
    expect(await container.log()).toEqual(['stdout F 33 101\r']);
  });

  test('is changed while the container runs, and its program is told', async () => {
    const { container, session, output } = await start(
      'trap "stty size" WINCH; stty -echo; echo up; while :; do read line; done',
    );
    await using _container = container;
    await output.has('up');
    for (const [width, height] of [
      [101, 33],
      [5, 6],
      [1000, 2],
    ] as const) {
      await session.resize(width, height);
      await output.has(`${height} ${width}\r\n`);
    }
  });

  test('of an exec is kept while the runtime is called, and stops nothing that is sent behind it', async () => {
    await using idle = await TestContainer.start(workspace, { args: ['sleep', '1000'] });
    const { session, output } = startExec(idle, 'read line; stty size; echo "got $line"');
    await session.resize(101, 33);
    await session.resize(0, 5);
    await session.writeStdin(Buffer.from('typed early\n'));
    expect(await session.end).toMatchObject({ status: { kind: 'exited', code: 0 } });
    expect(output.text()).toBe('typed early\r\n33 101\r\ngot typed early\r\n');
  });
});

describe('a large paste', () => {
  const lines = Buffer.from(
    Array.from({ length: (1024 * 1024) / 64 }, (_, i) => `${String(i).padStart(63, '.')}\n`).join(''),
  );

  test('in raw mode loses no byte', async () => {
    const paste = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, i) => i)), lines]).subarray(
      0,
      1024 * 1024,
    );
    await inBoth(
      `stty raw -echo; echo ready; head -c ${paste.length} | busybox md5sum`,
      async ({ session, output }) => {
        await output.has('ready');
        await session.writeStdin(paste);
        await session.end;
        expect(output.text()).toContain(md5(paste));
      },
    );
  });

  test('in canonical mode loses no line, and its end is seen', async () => {
    await inBoth('stty -echo; echo ready; busybox md5sum', async ({ session, output }) => {
      await output.has('ready');
      await session.writeStdin(lines);
      await session.closeStdin();
      await session.end;
      expect(output.text()).toContain(md5(lines));
    });
  });

  test('that nobody reads yet waits, and comes whole', async () => {
    await inBoth(
      'stty raw -echo; echo ready; sleep 1; head -c 1048576 | busybox md5sum',
      async ({ session, output }) => {
        await output.has('ready');
        await session.writeStdin(lines);
        await session.end;
        expect(output.text()).toContain(md5(lines));
      },
    );
  });

  test('with echo does not hang', async () => {
    await inBoth('echo ready; busybox md5sum', async ({ session, output }) => {
      await output.has('ready');
      await session.writeStdin(lines);
      await session.closeStdin();
      await session.end;
      expect(output.text()).toContain(md5(lines));
    });
  });

  test('of one line is cut by the kernel at 4 KiB, and the next line comes whole', async () => {
    await inBoth('stty -echo; echo ready; cat', async ({ session, output }) => {
      await output.has('ready\r\n');
      await session.writeStdin(Buffer.from(`${'x'.repeat(1024 * 1024)}\nnext\n`));
      await session.closeStdin();
      await session.end;
      expect(output.text()).toMatch(/^ready\r\nx{4095}\r\nnext\r\n$/);
    });
  });
});

describe('the end of stdin', () => {
  test('is seen in the middle of a line too', async () => {
    await inBoth('stty -echo; echo ready; cat; echo over', async ({ session, output }) => {
      await output.has('ready');
      await session.writeStdin(Buffer.from('no newline'));
      await session.closeStdin();
      await session.end;
      expect(output.text()).toBe('ready\r\nno newlineover\r\n');
    });
  });

  test('adds no byte in raw mode, where there is no such character', async () => {
    await inBoth('stty -icanon -echo min 0 time 10; echo ready; cat | od -c', async ({ session, output }) => {
      await output.has('ready');
      await session.writeStdin(Buffer.from('abc'));
      await session.closeStdin();
      await session.end;
      expect(output.text()).toBe('ready\r\n0000000   a   b   c\r\n0000003\r\n');
    });
  });
});

describe('a terminal that nobody holds open for a while', () => {
  const script = `exec </dev/null >/dev/null 2>&1; ${waitForGo}; exec </dev/tty >/dev/tty; echo back; cat`;

  test('of init costs no CPU, also with stdin waiting for it, and goes on when it is opened again', async () => {
    const { container, session, output } = await start(`stty raw -echo; echo up; ${script}`);
    await using _container = container;
    await output.has('up');
    // More than a terminal takes.
    const sent = session.writeStdin(Buffer.alloc(512 * 1024, 'p'));
    const part = await load(container.process.pid ?? 0, async () => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
    });
    expect(part).toBeLessThan(0.1);
    await container.go();
    await output.has('back');
    await sent;
    await output.has('p'.repeat(10_000));
  });

  test('of an exec likewise', async () => {
    await using idle = await TestContainer.start(workspace, { args: ['sleep', '1000'] });
    const { session, output } = startExec(idle, `stty raw -echo; echo up; ${script}`);
    await output.has('up');
    const sent = session.writeStdin(Buffer.alloc(512 * 1024, 'p'));
    const part = await load(idle.process.pid ?? 0, async () => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
    });
    expect(part).toBeLessThan(0.1);
    await idle.go();
    await output.has('back');
    await sent;
    await output.has('p'.repeat(10_000));
    session.kill();
  });
});

describe('output through a terminal', () => {
  test('is whole, however much it is', async () => {
    await using container = await TestContainer.start(workspace, { args: ['seq', '200000'], tty: true });
    const record = await container.exited();
    expect(record).toMatchObject({ status: { kind: 'exited', code: 0 }, bytesDropped: 0n });
    const log = await container.log();
    expect(log.length).toBe(200_000);
    expect(log.every((line, i) => line === `stdout F ${i + 1}\r`)).toBe(true);
  });

  test('of an exec is whole too', async () => {
    await using idle = await TestContainer.start(workspace, { args: ['sleep', '1000'] });
    const { session, output } = startExec(idle, 'seq 200000');
    await session.end;
    const lines = output.text().split('\r\n');
    expect(lines.length).toBe(200_001);
    expect(lines.slice(0, -1).every((line, i) => line === String(i + 1))).toBe(true);
  });

  test('reaches the log and the clients, also if the container ends with it', async () => {
    const { container, session, output } = await start('seq 2000');
    await using _container = container;
    expect(await session.end).toMatchObject({ kind: 'ended', status: { code: 0 } });
    const expected = Array.from({ length: 2000 }, (_, i) => `${i + 1}\r\n`).join('');
    expect(output.text()).toBe(expected);
    expect((await container.log()).length).toBe(2000);
  });
});
