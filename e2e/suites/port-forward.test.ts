import { status } from '@grpc/grpc-js';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { openPortForward, type PortForwardClient } from '../../src/streaming';
import { images } from '../support/fixtures';
import { rejection } from '../support/matchers';
import { PodProgram } from '../support/pod-program';
import { berthTest, daemonUnderTest, useWorld } from '../support/suite';
import { until } from '../support/wait';
import type { Running } from '../support/world';

const mebibyte = 1 << 20;
const port = { echo: 7001, answersLast: 7002, endsFirst: 7003, waits: 7004, onlyV6: 7005, resets: 7006, unused: 7999 };

const suite = useWorld();
let container: Running;
let program: PodProgram;
let session: PortForwardClient;

beforeAll(async () => {
  const { world } = suite;
  await world.cri.pull(images.nginx);
  container = await world.start({ imageName: images.nginx, command: ['/usr/sbin/nginx'] }, await world.runPod());
  program = await PodProgram.start(
    world.cri,
    container.id,
    `
    listen(${port.echo}, '127.0.0.1', (socket) => socket.pipe(socket));
    listen(${port.answersLast}, '127.0.0.1', (socket) => {
      socket.resume().on('end', () => socket.end(Buffer.alloc(${8 * mebibyte}, 'x')));
    });
    listen(${port.endsFirst}, '127.0.0.1', (socket) => {
      let got = 0;
      socket.end('bye');
      socket.on('data', (data) => (got += data.length)).on('end', () => say('got ' + got));
    });
    listen(${port.waits}, '127.0.0.1', (socket) => {
      socket.write('hello');
      socket.resume().on('end', () => socket.destroy()).on('close', () => say('gone'));
    });
    listen(${port.onlyV6}, '::1', (socket) => socket.end('six'));
    listen(${port.resets}, '127.0.0.1', (socket) => {
      socket.write('some');
      socket.once('data', () => socket.resetAndDestroy());
    });`,
  );
  session = await openPortForward(await world.cri.portForward(container.pod.id));
});
afterAll(async () => {
  session.close();
  await session.over;
  await program[Symbol.asyncDispose]();
});

/** A connection, of the suite's session if no other is given, that may be left to the session's end. */
async function connect(to: number, over = session): Promise<Duplex> {
  return (await over.connect(to)).on('error', () => undefined);
}

/** All that comes until the other side's end; rejects with what breaks the connection. */
async function received(connection: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  connection.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(connection, 'end');
  return Buffer.concat(chunks);
}

test('a program of the container answers, and what is sent comes back', async () => {
  const http = await connect(80);
  http.write('GET / HTTP/1.0\r\n\r\n');
  expect((await received(http)).toString()).toContain('nginx of');
  const data = randomBytes(4 * mebibyte);
  const echo = await connect(port.echo);
  echo.end(data);
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  expect(digest(await received(echo))).toBe(digest(data));
});

berthTest('the client ends its side, and the pod still answers megabytes', async () => {
  const connection = await connect(port.answersLast);
  connection.end('question');
  expect((await received(connection)).length).toBe(8 * mebibyte);
});

berthTest('the pod ends its side first, and still gets megabytes', async () => {
  const connection = await connect(port.endsFirst);
  expect((await received(connection)).toString()).toBe('bye');
  connection.end(Buffer.alloc(8 * mebibyte));
  expect(await program.line()).toBe(`got ${8 * mebibyte}`);
});

// containerd 1.6 asks for the name localhost, which has no IPv6 address on every machine.
berthTest('a listener on ::1 alone is reached', async () => {
  expect((await received(await connect(port.onlyV6))).toString()).toBe('six');
});

test('a port where nobody listens is told, and the session goes on', async () => {
  const refused = connect(port.unused).then(received);
  await expect(refused).rejects.toThrow(/refused/);
  const echo = await connect(port.echo);
  echo.end('still here');
  expect((await received(echo)).toString()).toBe('still here');
});

berthTest('the error names pod and port', async () => {
  const refused = connect(port.unused).then(received);
  const where = `port ${port.unused} of pod ${container.pod.id}`;
  await expect(refused).rejects.toThrow(`${where}: connection refused: nothing listens on 127.0.0.1 or ::1 of the pod`);
});

berthTest('a connection that the pod resets is broken off, and the session goes on', async () => {
  const connection = await connect(port.resets);
  // Data that comes together with the reset reads as data and an end: libuv takes POLLHUP for one.
  await once(connection, 'readable');
  connection.write('x');
  await expect(received(connection)).rejects.toThrow('gave the connection up');
  const echo = await connect(port.echo);
  echo.end('still here');
  expect((await received(echo)).toString()).toBe('still here');
});

test('fifty connections at once over one session', async () => {
  const echoes = Array.from({ length: 50 }, async (_, index) => {
    const connection = await connect(port.echo);
    const data = Buffer.alloc(100_000, index);
    connection.end(data);
    return (await received(connection)).equals(data);
  });
  expect(await Promise.all(echoes)).toEqual(echoes.map(() => true));
});

test('a pod on the host’s network: the host', async () => {
  const server = createServer((socket) => socket.end('host')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { id } = await suite.world.runPod(suite.world.podConfig({ host: true }));
    const own = await openPortForward(await suite.world.cri.portForward(id));
    const connection = await connect((server.address() as AddressInfo).port, own);
    expect((await received(connection)).toString()).toBe('host');
    own.close();
    await own.over;
  } finally {
    server.close();
  }
});

berthTest('when the client vanishes its connections end, and no descriptor is left', async () => {
  const daemon = await daemonUnderTest();
  const fds = async () => (await readdir(`/proc/${daemon?.pid}/fd`)).length;
  const before = await fds();
  const client = new AbortController();
  const url = await suite.world.cri.portForward(container.pod.id);
  const vanishing = await openPortForward(url, client.signal);
  const connections = await Promise.all(Array.from({ length: 10 }, () => connect(port.waits, vanishing)));
  await Promise.all(connections.map((connection) => once(connection, 'data')));
  expect(await fds()).toBeGreaterThan(11);
  client.abort();
  for (const _ of connections) expect(await program.line()).toBe('gone');
  await until('the descriptors to be closed', async () => (await fds()) <= before);
});

berthTest('a pod that stops ends its sessions with a reason', async () => {
  const { world } = suite;
  const stopping = await world.start({}, await world.runPod());
  await using inside = await PodProgram.start(
    world.cri,
    stopping.id,
    `listen(${port.waits}, '127.0.0.1', (socket) => socket.write('hello'));`,
  );
  const own = await openPortForward(await world.cri.portForward(stopping.pod.id));
  const connection = await connect(port.waits, own);
  await once(connection, 'readable');
  const broken = expect(received(connection)).rejects.toThrow(`pod ${stopping.pod.id}: the pod stops`);
  await world.cri.stopPod(stopping.pod.id);
  await broken;
  await own.over;
  expect(inside).toBeDefined();
  const { code, details } = await rejection(world.cri.portForward(stopping.pod.id));
  expect([code, details]).toEqual([status.FAILED_PRECONDITION, expect.stringContaining('the sandbox is stopped')]);
});

test('a pod that there is not', async () => {
  await rejection(suite.world.cri.portForward('0'.repeat(64)));
});

berthTest('ports that are none are refused, and only the ports asked for are forwarded', async () => {
  for (const bad of [0, -1, 65_536]) {
    const { code, details } = await rejection(suite.world.cri.portForward(container.pod.id, [80, bad]));
    expect([code, details]).toEqual([status.INVALID_ARGUMENT, expect.stringContaining('port[1]')]);
  }
  const own = await openPortForward(await suite.world.cri.portForward(container.pod.id, [port.echo]));
  const echo = await connect(port.echo, own);
  echo.end('this one');
  expect((await received(echo)).toString()).toBe('this one');
  await expect(connect(port.onlyV6, own).then(received)).rejects.toThrow(/the URL was asked for port 7001/);
  own.close();
  await own.over;
});
