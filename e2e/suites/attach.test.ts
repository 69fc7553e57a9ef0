import { status } from '@grpc/grpc-js';
import type { Readable } from 'node:stream';
import { openExec } from '../../src/streaming';
import { CommandSocket } from '../../test/support/command-socket';
import { rejection } from '../support/matchers';
import { berthOnly, berthTest, restartable, useWorld } from '../support/suite';
import { until } from '../support/wait';
import type { Running } from '../support/world';

const suite = useWorld();

const wants = { stdin: true, stdout: true, stderr: true, tty: false };
const urlOf = ({ id }: Pick<Running, 'id'>, over: Partial<typeof wants> = {}) =>
  suite.world.cri.attach({ containerId: id, ...wants, ...over });
const spdy = async (container: Running, over: Partial<typeof wants> = {}, signal?: AbortSignal) =>
  openExec(await urlOf(container, over), { ...wants, ...over }, signal);
// containerd 1.6 has no version 5.
const webSocket = async (container: Running, over: Partial<typeof wants> = {}, protocol = 'v4.channel.k8s.io') =>
  CommandSocket.open(await urlOf(container, over), protocol);

/** Repeats each line, and ends at `end N` with that code. */
const echoing =
  'while read word code; do if [ "$word" = end ]; then exit "$code"; fi; echo "got $word"; echo "no" >&2; done';
const echo = (over: object = {}) => suite.world.start({ command: ['sh', '-c', echoing], stdin: true, ...over });

async function text(stream: Readable | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  if (stream) for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Waits until a client has seen just this. */
const lines = (client: CommandSocket, stdout: string) =>
  until(`the output ${JSON.stringify(stdout)}`, () => client.text(1) === stdout);

const success = expect.objectContaining({ status: 'Success' }) as unknown;

test('over SPDY what the container writes comes out, and what goes in reaches it, until it ends', async () => {
  const session = await spdy(await echo());
  session.stdin?.write('one\ntwo\nend 0\n');
  expect(await Promise.all([text(session.stdout), text(session.stderr), session.status])).toEqual([
    'got one\ngot two\n',
    'no\nno\n',
    0,
  ]);
});

test('over WebSocket likewise', async () => {
  const session = await webSocket(await echo());
  session.stdin('one\nend 0\n');
  expect(await session.end()).toEqual({ stdout: 'got one\n', stderr: 'no\n', status: success, code: 1000 });
});

berthTest('the session tells the container’s exit code', async () => {
  const container = await echo();
  const web = await webSocket(container, {}, 'v5.channel.k8s.io');
  web.stdin('one\n');
  await lines(web, 'got one\n');
  const session = await spdy(container);
  session.stdin?.write('end 7\n');
  expect(await Promise.all([text(session.stdout), text(session.stderr), session.status])).toEqual(['', '', 7]);
  expect(await web.end()).toMatchObject({ status: { reason: 'NonZeroExitCode' }, code: 1000 });
});

test('with stdin_once the end of the client’s input is the end of the container’s', async () => {
  const container = await suite.world.start({ command: ['sh', '-c', 'cat; echo after'], stdin: true, stdinOnce: true });
  const session = await spdy(container);
  session.stdin?.end('all there is\n');
  expect(await Promise.all([text(session.stdout), text(session.stderr), session.status])).toEqual([
    'all there is\nafter\n',
    '',
    0,
  ]);
  expect((await suite.world.exited(container.id)).exitCode).toBe(0);
});

berthTest(
  'without stdin_once the end of the client’s input is the container’s affair no more than its own output',
  async () => {
    const container = await echo();
    const first = await webSocket(container, {}, 'v5.channel.k8s.io');
    first.stdin('one\n');
    first.endStdin();
    await lines(first, 'got one\n');
    const second = await webSocket(container, {}, 'v5.channel.k8s.io');
    second.stdin('two\nend 0\n');
    expect(await second.end()).toMatchObject({ status: success });
    expect(await first.end()).toMatchObject({ stdout: 'got one\ngot two\n', status: success, code: 1000 });
  },
);

test('several clients see the same, and one that leaves leaves the container as it is', async () => {
  const container = await echo();
  const stays = await webSocket(container);
  const leaving = new AbortController();
  const leaves = await spdy(container, {}, leaving.signal);
  leaves.status.catch(() => undefined);
  const seen = text(leaves.stdout).catch(() => 'broken off');
  stays.stdin('one\n');
  await lines(stays, 'got one\n');
  leaving.abort();
  await seen;
  stays.stdin('two\n');
  await lines(stays, 'got one\ngot two\n');
  const again = await webSocket(container);
  // Its own input comes behind its attach, and the others have been there for long.
  again.stdin('three\nend 0\n');
  expect(await again.end()).toMatchObject({ stdout: 'got three\n', status: success });
  expect(await stays.end()).toMatchObject({ stdout: 'got one\ngot two\ngot three\n', status: success });
});

test('a terminal takes the client’s sizes', async () => {
  const command = ['sh', '-c', 'while read word; do if [ "$word" = end ]; then exit 0; fi; stty size; done'];
  const container = await suite.world.start({ command, stdin: true, tty: true });
  const session = await webSocket(container, { tty: true, stderr: false });
  session.resize(132, 50);
  await until('the size', () => {
    session.stdin('size\n');
    return session.text(1).includes('50 132\r\n');
  });
  session.stdin('end\n');
  expect(await session.end()).toMatchObject({ stderr: '', status: success });
});

test('one that has ended is not attached to, nor one that nobody knows', async () => {
  const { container } = await suite.world.runToEnd('true');
  const { code } = await rejection(urlOf(container));
  expect([status.FAILED_PRECONDITION, status.UNKNOWN]).toContain(code);
  await rejection(urlOf({ id: 'f'.repeat(64) }));
});

test('no streams, or a terminal with stderr, are refused', async () => {
  const container = await suite.world.start();
  const { code } = await rejection(urlOf(container, { stdin: false, stdout: false, stderr: false }));
  expect([status.INVALID_ARGUMENT, status.UNKNOWN]).toContain(code);
  await rejection(urlOf(container, { tty: true }));
});

test('one that ends between the URL and the client is told as such', async () => {
  const container = await suite.world.start();
  const url = await urlOf(container);
  await suite.world.cri.stop(container.id, 0);
  const session = await openExec(url, wants);
  for (const stream of [session.stdout, session.stderr]) stream?.resume();
  await expect(session.status).rejects.toThrow(/ended|exited|not running|EXITED/);
});

berthOnly('beyond the peers', () => {
  test('a client that comes before the start misses nothing', async () => {
    const container = await suite.world.create({ command: ['sh', '-c', 'echo first; exit 3'], stdin: true });
    const session = await webSocket(container, {}, 'v5.channel.k8s.io');
    await suite.world.cri.start(container.id);
    expect(await session.end()).toMatchObject({ stdout: 'first\n', status: { reason: 'NonZeroExitCode' } });
  });

  test('a terminal is refused where the container has none', async () => {
    const { code, details } = await rejection(urlOf(await echo(), { tty: true, stderr: false }));
    expect({ code, details }).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(details).toContain('created without one');
  });

  test('a client that does not read is let go alone: the container ends, and its log is whole', async () => {
    const script = 'read go; yes 0123456789012345678901234567890 | head -c 33554432';
    const container = await suite.world.start({ command: ['sh', '-c', script], stdin: true });
    const slow = await webSocket(container, {}, 'v5.channel.k8s.io');
    slow.socket.pause();
    slow.stdin('go\n');
    expect((await suite.world.exited(container.id)).exitCode).toBe(0);
    expect((await suite.world.logOf(container)).length).toBe(33554432 / 32);
    slow.socket.resume();
    const { status: told, stdout } = await slow.end();
    expect(told).toMatchObject({
      reason: 'InternalError',
      message: expect.stringContaining('does not read fast enough') as string,
    });
    expect(stdout.length).toBeLessThan(33554432);
  });

  test('berthd’s stop ends the sessions and says so; the container runs on, and is attached to again', async () => {
    const container = await echo();
    const daemon = await restartable(suite.world);
    const session = await webSocket(container, {}, 'v5.channel.k8s.io');
    session.stdin('one\n');
    await lines(session, 'got one\n');
    await daemon.end();
    const told = session.end();
    await daemon.launch();
    const message = expect.stringContaining('berthd stops, the container runs on') as unknown;
    expect(await told).toMatchObject({ status: { status: 'Failure', message }, code: 1000 });
    const again = await webSocket(container, {}, 'v5.channel.k8s.io');
    again.stdin('two\nend 0\n');
    expect(await again.end()).toEqual({ stdout: 'got two\n', stderr: 'no\n', status: success, code: 1000 });
  });
});
