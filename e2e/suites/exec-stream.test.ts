import { status } from '@grpc/grpc-js';
import { createHash, randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { openExec } from '../../src/streaming';
import { CommandSocket } from '../../test/support/command-socket';
import { rejection } from '../support/matchers';
import { berthTest, restartable, useWorld } from '../support/suite';
import { until } from '../support/wait';
import type { Running } from '../support/world';

const suite = useWorld();
let container: Running;
beforeAll(async () => {
  container = await suite.world.start();
});

const wants = { stdin: false, stdout: true, stderr: true, tty: false };
const exec = async (script: string, over: Partial<typeof wants> = {}, signal?: AbortSignal) => {
  const options = { ...wants, ...over };
  const url = await suite.world.cri.exec({ containerId: container.id, cmd: ['sh', '-c', script], ...options });
  return openExec(url, options, signal);
};

async function text(stream: Readable | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  if (stream) for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('stdout, stderr and the exit code come over SPDY', async () => {
  const session = await exec('echo out; echo err >&2; exit 3');
  expect(await Promise.all([text(session.stdout), text(session.stderr), session.status])).toEqual([
    'out\n',
    'err\n',
    3,
  ]);
});

test('a command that succeeds ends in exit code 0', async () => {
  const session = await exec('true');
  expect(await Promise.all([text(session.stdout), text(session.stderr), session.status])).toEqual(['', '', 0]);
});

test('stdin reaches the command, and its end too', async () => {
  const session = await exec('cat; echo after', { stdin: true });
  session.stdin?.end('to the command\n');
  expect(await Promise.all([text(session.stdout), text(session.stderr), session.status])).toEqual([
    'to the command\nafter\n',
    '',
    0,
  ]);
});

test('eight mebibytes go in and come out unchanged', async () => {
  const session = await exec('sha256sum', { stdin: true });
  const data = randomBytes(8 << 20);
  session.stdin?.end(data);
  const [stdout] = await Promise.all([text(session.stdout), text(session.stderr), session.status]);
  expect(stdout.split(' ')[0]).toBe(createHash('sha256').update(data).digest('hex'));
});

test('a URL serves once', async () => {
  const request = { containerId: container.id, cmd: ['true'], ...wants };
  const url = await suite.world.cri.exec(request);
  const session = await openExec(url, wants);
  await Promise.all([text(session.stdout), text(session.stderr), session.status]);
  await expect(openExec(url, wants)).rejects.toThrow(/404/);
});

test('a request for nothing, or for a tty with stderr, is refused', async () => {
  const none = { ...wants, stdout: false, stderr: false };
  const { code } = await rejection(suite.world.cri.exec({ containerId: container.id, cmd: ['true'], ...none }));
  expect([status.INVALID_ARGUMENT, status.UNKNOWN]).toContain(code);
  const tty = { ...wants, tty: true };
  await rejection(suite.world.cri.exec({ containerId: container.id, cmd: ['true'], ...tty }));
});

/** How many of the two sleeps run. */
const sleeping = () => suite.world.sh(container, 'ps -o args | grep -c "^sleep 515[12]" || true');

berthTest('when the client goes, the whole tree of its command goes', async () => {
  const client = new AbortController();
  const session = await exec('sleep 5151 & sleep 5152', {}, client.signal);
  session.status.catch(() => undefined);
  await until('the command to run', async () => (await sleeping()) === '2');
  client.abort();
  await until('the command to be gone', async () => (await sleeping()) === '0');
});

test('a command for a container that has stopped since the URL was given out is told as such', async () => {
  const other = await suite.world.start();
  const url = await suite.world.cri.exec({ containerId: other.id, cmd: ['true'], ...wants });
  await suite.world.cri.stop(other.id, 0);
  const session = await openExec(url, wants);
  for (const stream of [session.stdout, session.stderr]) stream?.resume();
  await expect(session.status).rejects.toThrow(/ended|exited|not running|EXITED/);
});

describe('over WebSocket', () => {
  const v5 = 'v5.channel.k8s.io';
  const web = async (script: string, over: Partial<typeof wants> = {}, protocol: string | string[] = v5) => {
    const request = { containerId: container.id, cmd: ['sh', '-c', script], ...wants, ...over };
    return CommandSocket.open(await suite.world.cri.exec(request), protocol);
  };
  const exit3 = { reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: '3' }] } };

  const allStreams = async (protocol: string | string[], status: unknown) => {
    const session = await web('read line; echo "$line"; echo err >&2', { stdin: true }, protocol);
    session.stdin('to the command\n');
    expect(await session.end()).toMatchObject({ stdout: 'to the command\n', stderr: 'err\n', status });
  };

  // containerd 1.6 has no version 5.
  test.each(['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'])('%s carries all streams', async (protocol) => {
    await allStreams(protocol, expect.objectContaining({ status: 'Success' }));
  });

  test.each(['channel.k8s.io', 'base64.channel.k8s.io'])('%s does, without a status', async (protocol) => {
    await allStreams(protocol, '');
  });

  // containerd names an empty protocol in its answer, which this client does not take.
  berthTest('a client that names no protocol is served as by channel.k8s.io', async () => {
    await allStreams([], '');
  });

  test('the exit code comes in the status', async () => {
    expect(await (await web('exit 3', {}, 'v4.channel.k8s.io')).end()).toMatchObject({ status: exit3 });
  });

  berthTest('in version 5 the end of stdin reaches the command', async () => {
    const session = await web('cat; echo after; exit 3', { stdin: true }, [v5, 'v4.channel.k8s.io']);
    session.stdin('to the command\n');
    session.endStdin();
    const stdout = 'to the command\nafter\n';
    expect(await session.end()).toEqual({
      stdout,
      stderr: '',
      status: expect.objectContaining(exit3) as unknown,
      code: 1000,
    });
  });

  berthTest('eight mebibytes go in and come out unchanged', async () => {
    const session = await web('cat', { stdin: true });
    const data = randomBytes(8 << 20);
    for (let at = 0; at < data.length; at += 1 << 20) session.stdin(data.subarray(at, at + (1 << 20)));
    session.endStdin();
    expect(await session.end()).toMatchObject({ status: { status: 'Success' } });
    expect(session.bytes(1).equals(data)).toBe(true);
  });

  test('a terminal has the client’s size, and hears of each new one', async () => {
    // Until the first size has come the terminal has none, about which stty complains.
    const waitFor = (size: string) =>
      `until [ "$(stty size 2>/dev/null)" = "${size}" ]; do sleep 0.02; done; echo "at ${size}"`;
    const script = `${waitFor('50 132')}; ${waitFor('24 80')}`;
    const session = await web(script, { stdin: true, stderr: false, tty: true }, 'v4.channel.k8s.io');
    session.resize(132, 50);
    await until('the first size', () => session.text(1) === 'at 50 132\r\n');
    session.resize(80, 24);
    expect(await session.end()).toMatchObject({ stdout: 'at 50 132\r\nat 24 80\r\n', stderr: '' });
  });

  berthTest('when the client goes, the whole tree of its command goes', async () => {
    const session = await web('sleep 5151 & sleep 5152');
    await until('the command to run', async () => (await sleeping()) === '2');
    session.socket.terminate();
    await until('the command to be gone', async () => (await sleeping()) === '0');
  });

  berthTest('a client that does not read holds its command up, and nobody else', async () => {
    const session = await web('yes 0123456789012345678901234567890 | head -c 67108864');
    session.socket.pause();
    await until('the output to stand still', async () => (await suite.world.sh(container, 'echo here')) === 'here');
    session.socket.resume();
    expect(await session.end()).toMatchObject({ status: { status: 'Success' } });
    expect(session.bytes(1)).toHaveLength(67108864);
  });
});

berthTest('berthd’s stop ends the commands and tells their clients', async () => {
  const daemon = await restartable(suite.world);
  const session = await exec('sleep 5151 & sleep 5152');
  await until('the command to run', async () => (await sleeping()) === '2');
  for (const output of [session.stdout, session.stderr]) output?.resume();
  const told = expect(session.status).rejects.toThrow('berthd stops, the command was ended');
  await daemon.end();
  await told;
  await daemon.launch();
  await until('the command to be gone', async () => (await sleeping()) === '0');
});
