import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { PassThrough, type Duplex } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { BerthError } from '../../../src/base';
import { emptied, PodBehindServer } from './pod';

const mebibyte = 1 << 20;

/** Says something, and is there until the client goes. */
const untilTheEnd = (socket: Socket) => {
  socket.write('hello');
  socket.resume().on('end', () => socket.destroy());
};

test('what the client sends comes back', async () => {
  await using pod = await PodBehindServer.start();
  const port = await pod.serve((socket) => socket.pipe(socket));
  const session = await pod.forward();
  const connection = await session.connect(port);
  connection.end('there and back');
  expect(await text(connection)).toBe('there and back');
  session.close();
  await session.over;
});

test('the client ends its side, and still gets megabytes', async () => {
  await using pod = await PodBehindServer.start();
  const port = await pod.serve((socket) => {
    socket.resume().on('end', () => socket.end(Buffer.alloc(8 * mebibyte, 'x')));
  });
  const session = await pod.forward();
  const connection = await session.connect(port);
  connection.end();
  expect((await buffer(connection)).length).toBe(8 * mebibyte);
});

test('the pod ends its side first, and still gets megabytes', async () => {
  await using pod = await PodBehindServer.start();
  let got: Promise<Buffer> | undefined;
  const port = await pod.serve((socket) => {
    socket.end('bye');
    got = buffer(socket);
  });
  const session = await pod.forward();
  const connection = await session.connect(port);
  expect(String((await once(connection, 'data'))[0])).toBe('bye');
  await once(connection, 'end');
  connection.end(Buffer.alloc(8 * mebibyte, 'y'));
  await once(connection, 'close');
  expect((await got)?.length).toBe(8 * mebibyte);
});

test('a failure is told with its reason, and only that connection ends', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port: unused } = closed.address() as AddressInfo;
  closed.close();
  await using pod = await PodBehindServer.start();
  const port = await pod.serve((socket) => socket.pipe(socket));
  const session = await pod.forward();
  const works = await session.connect(port);
  const refused = await session.connect(unused);
  await expect(text(refused)).rejects.toThrow(/ECONNREFUSED/);
  works.end('still here');
  expect(await text(works)).toBe('still here');
});

test('a port that the URL was not asked for is refused', async () => {
  await using pod = await PodBehindServer.start();
  const port = await pod.serve((socket) => socket.pipe(socket));
  const session = await pod.forward([port === 1 ? 2 : 1]);
  await expect(text(await session.connect(port))).rejects.toThrow(
    new RegExp(`port ${port} of pod p1: the URL was asked for port`),
  );
  expect(pod.sockets.size).toBe(0);
});

test('fifty connections at once in one session', async () => {
  await using pod = await PodBehindServer.start();
  const port = await pod.serve((socket) => socket.pipe(socket));
  const session = await pod.forward();
  const echoes = Array.from({ length: 50 }, async (_, index) => {
    const connection = await session.connect(port);
    connection.end(Buffer.alloc(100_000, index));
    return buffer(connection);
  });
  const got = await Promise.all(echoes);
  expect(got.every((data, index) => data.length === 100_000 && data.every((byte) => byte === index))).toBe(true);
  expect(pod.sockets.size).toBe(0);
});

test('one more than the session may have is refused, and takes nobody with it', async () => {
  await using pod = await PodBehindServer.start();
  const port = await pod.serve((socket) => socket.pipe(socket));
  const session = await pod.forward();
  const open = await Promise.all(Array.from({ length: 512 }, () => session.connect(port)));
  for (const connection of open) connection.on('error', () => undefined);
  await expect(session.connect(port)).rejects.toThrow(/refused/);
  open[511]?.end('last');
  expect(await text(open[511] as Duplex)).toBe('last');
}, 60_000);

test('more than all sessions together may have are refused with the reason, until one ends', async () => {
  await using pod = await PodBehindServer.start({}, { maxForwards: 2 });
  const port = await pod.serve((socket) => socket.pipe(socket));
  const [one, other] = [await pod.forward(), await pod.forward()];
  const open = [await one.connect(port), await other.connect(port)];
  for (const connection of open) {
    connection.write('here');
    await once(connection, 'data');
  }
  await expect(text(await one.connect(port))).rejects.toThrow(
    new RegExp(`port ${port} of pod p1: 2 connections are forwarded, as many as may be at once`),
  );
  open[1]?.end();
  expect(await text(open[1] as Duplex)).toBe('');
  const next = await one.connect(port);
  next.end('next');
  expect(await text(next)).toBe('next');
  open[0]?.destroy();
});

test('a connection that the pod breaks off is broken for the client, too, without a word', async () => {
  await using pod = await PodBehindServer.start();
  const port = await pod.serve((socket) => {
    socket.write('some');
    socket.once('data', () => socket.resetAndDestroy());
  });
  const session = await pod.forward();
  const connection = await session.connect(port);
  // Data that comes together with the reset reads as data and an end: libuv takes POLLHUP for one.
  await once(connection, 'readable');
  connection.write('x');
  await expect(text(connection)).rejects.toThrow('the server gave the connection up');
});

test('a client that breaks a connection off ends it in the pod', async () => {
  await using pod = await PodBehindServer.start();
  const port = await pod.serve(untilTheEnd);
  const session = await pod.forward();
  const connection = await session.connect(port);
  await once(connection, 'data');
  connection.destroy();
  await emptied(pod.sockets);
  expect(pod.sockets.size).toBe(0);
});

test('when the client vanishes its connections end in the pod', async () => {
  await using pod = await PodBehindServer.start();
  const port = await pod.serve(untilTheEnd);
  const client = new AbortController();
  const session = await pod.forward([], client.signal);
  const connections = await Promise.all(Array.from({ length: 5 }, () => session.connect(port)));
  await Promise.all(connections.map((connection) => once(connection, 'data')));
  for (const connection of connections) connection.on('error', () => undefined);
  client.abort();
  await emptied(pod.sockets);
  expect(pod.sockets.size).toBe(0);
});

test('a client that vanishes while the pod is dialled leaves nothing', async () => {
  const signals: AbortSignal[] = [];
  await using pod = await PodBehindServer.start({
    dial: (_request, _port, signal) => {
      signals.push(signal);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up'))));
    },
  });
  const client = new AbortController();
  const session = await pod.forward([], client.signal);
  const connection = await session.connect(80);
  connection.on('error', () => undefined);
  client.abort();
  await session.over;
  const [signal] = signals;
  if (signal && !signal.aborted) await once(signal, 'abort');
  expect(signals).toHaveLength(1);
});

test('a pod that stops ends its connections with a reason, and the session', async () => {
  await using pod = await PodBehindServer.start();
  const port = await pod.serve(untilTheEnd);
  const session = await pod.forward();
  const connection = await session.connect(port);
  await once(connection, 'readable');
  pod.shell.stopping.abort(new BerthError('pod-not-ready', { op: 'PortForward', detail: 'the pod stops' }));
  await expect(text(connection)).rejects.toThrow('the pod stops');
  await session.over;
});

test('a pod that takes nothing holds the session up for a while only', async () => {
  const stuck = new PassThrough({ highWaterMark: 1 });
  stuck._transform = () => undefined;
  let port = 0;
  await using pod = await PodBehindServer.start(
    { dial: (request, to, signal) => (to === port ? pod.shell.dial(request, to, signal) : Promise.resolve(stuck)) },
    { creationTimeoutMs: 300 },
  );
  port = await pod.serve((socket) => socket.pipe(socket));
  const session = await pod.forward();
  const stalled = await session.connect(port === 1 ? 2 : 1);
  const works = await session.connect(port);
  stalled.write(Buffer.alloc(4 * mebibyte));
  works.end('behind it');
  await expect(text(stalled)).rejects.toThrow(/took nothing for 0.3 s/);
  expect(await text(works)).toBe('behind it');
  expect(stuck.destroyed).toBe(true);
});
