import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { berth, berthLine, startBerth } from '../support/berth';
import { images } from '../support/fixtures';
import { pageAt } from '../support/http';
import { freePort } from '../support/machine';
import { berthOnly, useWorld } from '../support/suite';
import { TerminalSession } from '../support/terminal';
import { until } from '../support/wait';
import type { Running } from '../support/world';

berthOnly('the command line', () => {
  const suite = useWorld();
  let container: Running;
  beforeAll(async () => {
    container = await suite.world.start();
    await mkdir(logs());
  });
  const logs = () => join(suite.world.dir, 'logs');
  const inTerminal = (line: string, columns = 100, rows = 30) =>
    TerminalSession.start(`export BERTH_LOG_DIR='${logs()}'; ${line}`, columns, rows);
  const digest = (data: Buffer) => createHash('sha256').update(data).digest('hex');
  /** Bytes in the logs of the containers that run. */
  const logged = async () => {
    const folders = await readdir(logs());
    const sizes = folders.map(
      async (folder) => (await stat(join(logs(), folder, '0.log')).catch(() => undefined))?.size,
    );
    return (await Promise.all(sizes)).reduce<number>((sum, size) => sum + (size ?? 0), 0);
  };
  const names: string[] = [];
  const nameOf = (name: string) => {
    names.push(name);
    return name;
  };
  afterEach(async () => {
    for (const name of names.splice(0)) await berth(logs(), ['rm', '-f', name]);
  });

  describe('exec -it', () => {
    test('has this terminal: its size, each change of it, its keys, and the exit code; then it is as it was', async () => {
      const command = berthLine('exec', '-it', container.id, 'sh');
      const terminal = await inTerminal(`${command}; echo "[$?]"; stty -a`);
      await terminal.shows(/\/ # /);
      terminal.type('stty size\n');
      await terminal.shows(/^30 100\r$/m);
      await terminal.resize(120, 40);
      await until('the new size', async () => {
        terminal.type('stty size\n');
        return /^40 120\r$/m.test(terminal.shown);
      });
      // Ctrl-C is the command's: the shell goes on.
      terminal.type('sh -c "echo up-$((1 + 1)); exec sleep 1000"\n');
      await terminal.shows(/up-2\r/);
      terminal.type('\u0003');
      terminal.type('echo went-$((1 + 1)) on; exit 7\n');
      await terminal.shows(/went-2 on\r/);
      await terminal.shows(/\[7\]\r/);
      const settings = await terminal.shows(/isig icanon[^]* echo [^]*$/);
      expect(settings[0]).not.toContain('-opost');
      expect(await terminal.ended).toBe(0);
    });

    test('passes newlines on as the command means them', async () => {
      const command = berthLine('exec', '-it', container.id, 'sh', '-c', 'stty -opost; printf "a\\nb"; echo');
      const terminal = await inTerminal(command);
      await terminal.ended;
      expect(terminal.shown).toBe('a\nb\n');
    });

    test('when berth is told to end the terminal is given back', async () => {
      const pidFile = join(suite.world.dir, 'berth.pid');
      const program = join(suite.world.dir, 'berth.sh');
      const command = berthLine('exec', '-it', container.id, 'sh', '-c', 'echo up; exec sleep 1000');
      // A shell of its own, which becomes berth: its pid is known, whatever shell script(1) starts.
      await writeFile(program, `echo $$ >${pidFile}\nexec ${command}\n`);
      const terminal = await inTerminal(`sh ${program}; stty -a`);
      await terminal.shows(/up/);
      const pid = Number(await readFile(pidFile, 'utf8'));
      // 0 would be this whole process group.
      expect(pid).toBeGreaterThan(1);
      process.kill(pid, 'SIGTERM');
      const settings = await terminal.shows(/-?isig -?icanon/);
      expect(settings[0]).toBe('isig icanon');
      expect(await terminal.ended).toBe(0);
    });
  });

  test('events, stats and top tell of what is there', async () => {
    const child = startBerth(logs(), 'events', '--json');
    const closed = once(child, 'close');
    const told: { readonly event: string; readonly name: string; readonly exitCode?: number }[] = [];
    createInterface(child.stdout).on('line', (line) => told.push(JSON.parse(line) as (typeof told)[number]));
    const name = nameOf('e2e-told');
    await until('the first event', async () => {
      await berth(logs(), ['run', '--rm', '--name', name, images.busybox, 'sh', '-c', 'exit 4']);
      return told.some((row) => row.event === 'stopped' && row.name === name && row.exitCode === 4);
    });
    child.kill('SIGTERM');
    expect(await closed).toEqual([0, null]);
    const rowsOf = async (...args: string[]) =>
      JSON.parse((await berth(logs(), [...args, '--json'])).stdout.toString()) as Record<string, unknown>[];
    // A rate needs a second that has passed since somebody looked first.
    await until('its CPU to be known', async () => {
      const [row, ...others] = await rowsOf('stats', container.id);
      expect([row, others]).toEqual([
        expect.objectContaining({ id: container.id, memory: expect.any(Number) as number }),
        [],
      ]);
      return typeof row?.['cpu'] === 'number';
    });
    expect(await rowsOf('top', '--sort', 'memory')).toContainEqual(
      expect.objectContaining({ id: container.pod.id, containers: 1, tasks: 1 }),
    );
    const terminal = await inTerminal(berthLine('top', '--interval', '100ms'));
    await terminal.shows(/pods \d+, containers[^]*pods \d+, containers/);
    // The shell between has the same Ctrl-C: its status is its own.
    terminal.type('\u0003');
    await terminal.ended;
  });

  test('a pull in a terminal draws below its first line, and ends with the id', async () => {
    const terminal = await inTerminal(berthLine('pull', images.busyboxAlias));
    expect(await terminal.ended).toBe(0);
    const drawn = terminal.shown.split('\r\u001b[J');
    expect(drawn[0]).toMatch(/^pulling registry\.e2e\.test\/tools\/busybox:alias\r\n/);
    expect(drawn.at(-1)).toMatch(/^(.*\r\n)*sha256:[0-9a-f]{64}\r\n$/);
    // The other name of the image stays: what is counted elsewhere is as it was.
    await suite.world.cri.removeImage(images.busyboxAlias);
  });

  test('exec -i: ten mebibytes go in and come out unchanged', async () => {
    const data = randomBytes(10 << 20);
    const { status, stdout, stderr } = await berth(logs(), ['exec', '-i', container.id, 'cat'], data);
    expect({ status, stderr, digest: digest(stdout) }).toEqual({ status: 0, stderr: '', digest: digest(data) });
  });

  test('run -i: ten mebibytes go through a container, whose input ends with ours', async () => {
    const data = randomBytes(10 << 20);
    const { status, stdout, stderr } = await berth(logs(), ['run', '-i', '--rm', images.busybox, 'cat'], data);
    expect({ status, stderr, digest: digest(stdout) }).toEqual({ status: 0, stderr: '', digest: digest(data) });
  });

  test('run -i: who reads too slowly is shown the log, and can still type', async () => {
    const data = randomBytes(11 << 20);
    const early = 10 << 20;
    const child = startBerth(logs(), 'run', '-i', '--rm', images.busybox, 'cat');
    const closed = once(child, 'close');
    child.stdin.write(data.subarray(0, early));
    // Nobody has read anything yet: by the time that all is in the log the monitor has given this reader up.
    await until('all to be in the log', async () => (await logged()) > early);
    const shown: Buffer[] = [];
    let length = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      shown.push(chunk);
      length += chunk.length;
    });
    await until('what is in the log', () => length === early);
    child.stdin.end(data.subarray(early));
    expect(await closed).toEqual([0, null]);
    expect(digest(Buffer.concat(shown))).toBe(digest(data));
  });

  test('run -it loses nothing of a short life, and ends as it does', async () => {
    const terminal = await inTerminal(
      `${berthLine('run', '-it', '--rm', images.busybox, 'sh', '-c', 'stty size; tty; exit 5')}; echo "[$?]"`,
    );
    await terminal.ended;
    expect(terminal.shown).toMatch(/\d+ \d+\r\n\/dev\/pts\/0\r\n\[5\]\r\n$/);
  });

  test('a container that is left runs on; attach comes back to it', async () => {
    const name = nameOf('e2e-left');
    const terminal = await inTerminal(`${berthLine('run', '-it', '--name', name, images.busybox, 'sh')}; echo "[$?]"`);
    await terminal.shows(/\/ # /);
    terminal.type('here=$((40 + 2)); echo "[$here]"\n');
    await terminal.shows(/\[42\]/);
    terminal.type('\u0010\u0011');
    await terminal.shows(/detached: e2e-left runs on[^]*\[0\]/);
    await terminal.ended;
    const back = await inTerminal(`${berthLine('attach', name)}; echo "[$?]"`, 90, 25);
    await until('the shell to answer', async () => {
      back.type('echo "it is $here"; stty size\n');
      return /it is 42\r\n25 90\r/.test(back.shown);
    });
    back.type('exit 3\n');
    await back.shows(/\[3\]\r/);
    await back.ended;
  });

  test('run -p leads a port of this machine to the container', async () => {
    const port = await freePort();
    const server = 'echo published >/tmp/index.html; exec httpd -f -p 80 -h /tmp';
    const publish = ['-p', `127.0.0.1:${port}:80`];
    const name = nameOf('e2e-published');
    const { status, stderr } = await berth(logs(), [
      'run',
      '-d',
      '--name',
      name,
      ...publish,
      images.busybox,
      'sh',
      '-c',
      server,
    ]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    await until('the page', async () => (await pageAt(`127.0.0.1:${port}`)) === 'published\n');
  });

  test('port-forward leads free ports to a pod, tells of one where nobody listens, and ends by SIGTERM', async () => {
    const name = nameOf('e2e-forwarded');
    const server = 'echo forwarded >/tmp/index.html; exec httpd -f -p 127.0.0.1:80 -h /tmp';
    await berth(logs(), ['run', '-d', '--name', name, images.busybox, 'sh', '-c', server]);
    const child = startBerth(logs(), 'port-forward', name, ':80', ':81');
    const closed = once(child, 'close');
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    const address = (remote: number) => new RegExp(`^(127\\.0\\.0\\.1:\\d+) -> ${remote}$`, 'm').exec(out)?.[1];
    await until('the addresses', () => address(80) !== undefined && address(81) !== undefined);
    await until('the page', async () => (await pageAt(address(80) ?? '')) === 'forwarded\n');
    expect(await pageAt(address(81) ?? '')).toBeUndefined();
    await until('the failure to be told', () => /81/.test(err));
    // One connection's failure is no other's.
    expect(await pageAt(address(80) ?? '')).toBe('forwarded\n');
    child.kill('SIGTERM');
    expect(await closed).toEqual([0, null]);
  });
});
