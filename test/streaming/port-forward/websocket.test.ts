import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { silentLog } from '../../../src/base';
import { SpdyConnection } from '../../../src/streaming/spdy/connection';
import { WebSocketBytes } from '../../../src/streaming/websocket/byte-stream';
import { emptied, PodBehindServer } from './pod';

const wsUrl = (pod: PodBehindServer, query = '', ports: readonly number[] = []) =>
  `${pod.url(ports).replace('http:', 'ws:')}${query}`;

/** What comes on the channels, by channel, until the WebSocket is closed; and the code that it is closed with. */
async function channelsOf(socket: WebSocket, decode = (data: Buffer) => data) {
  const channels = new Map<number, Buffer>();
  socket.on('message', (data) => {
    const message = decode(data as Buffer);
    const [channel = 255] = message;
    channels.set(channel, Buffer.concat([channels.get(channel) ?? Buffer.alloc(0), message.subarray(1)]));
  });
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return { channels, code, reason: reason.toString() };
}

const le = (port: number, more = '') => Buffer.concat([Buffer.from([port & 255, port >> 8]), Buffer.from(more)]);

/** A program that answers one line and ends. */
const oneLine = (pod: PodBehindServer) =>
  pod.serve((socket) => void socket.once('data', (data) => socket.end(`got ${data.toString()}`)));

test.each([['v4.channel.k8s.io'], [undefined]])(
  'channels of %s: two a port, of which each begins with it',
  async (protocol) => {
    await using pod = await PodBehindServer.start();
    const ports = [await oneLine(pod), await oneLine(pod)];
    const socket = new WebSocket(wsUrl(pod, `?port=${ports.join(',')}`), protocol);
    const all = channelsOf(socket);
    await once(socket, 'open');
    expect(socket.protocol).toBe(protocol ?? '');
    socket.send(Buffer.from('\0one'));
    socket.send(Buffer.from('\x02two'));
    const { channels, code } = await all;
    expect(code).toBe(1000);
    const [first = 0, second = 0] = ports;
    expect([0, 1, 2, 3].map((channel) => channels.get(channel))).toEqual([
      le(first, 'got one'),
      le(first),
      le(second, 'got two'),
      le(second),
    ]);
  },
);

test('base64 channels, and the ports that the URL was asked for with', async () => {
  await using pod = await PodBehindServer.start();
  const port = await oneLine(pod);
  const socket = new WebSocket(wsUrl(pod, '', [port]), 'v4.base64.channel.k8s.io');
  const all = channelsOf(socket, (data) =>
    Buffer.concat([Buffer.from([Number(data.toString()[0])]), Buffer.from(data.toString().slice(1), 'base64')]),
  );
  await once(socket, 'open');
  socket.send(`0${Buffer.from('text').toString('base64')}`);
  const { channels } = await all;
  expect(channels.get(0)).toEqual(le(port, 'got text'));
});

test('a port where nobody listens is told on its error channel, and the others go on', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port: unused } = closed.address() as AddressInfo;
  closed.close();
  await using pod = await PodBehindServer.start();
  const port = await oneLine(pod);
  const socket = new WebSocket(wsUrl(pod, `?port=${unused}&port=${port}`), 'v4.channel.k8s.io');
  const all = channelsOf(socket);
  await once(socket, 'open');
  socket.send(Buffer.from('\x02two'));
  const { channels } = await all;
  expect(channels.get(1)?.subarray(2).toString()).toMatch(/ECONNREFUSED/);
  expect(channels.get(2)).toEqual(le(port, 'got two'));
});

test.each([
  ['', 'the port is missing'],
  ['?port=0', '"0" is no port'],
  ['?port=80,x', '"x" is no port'],
  [`?port=${Array.from({ length: 128 }, (_, index) => index + 1).join(',')}`, 'more than 127 ports'],
])('ports are refused with a reason, case %#', async (query, reason) => {
  await using pod = await PodBehindServer.start();
  const socket = new WebSocket(wsUrl(pod, query), 'v4.channel.k8s.io');
  const end = await channelsOf(socket);
  expect(end.code).toBe(1008);
  expect(end.reason).toContain(reason);
});

test('a client that vanishes leaves nothing in the pod', async () => {
  await using pod = await PodBehindServer.start();
  const port = await pod.serve((socket) => {
    socket.write('hello');
    socket.resume().on('end', () => socket.destroy());
  });
  const socket = new WebSocket(wsUrl(pod, `?port=${port}`), 'v4.channel.k8s.io');
  let messages = 0;
  await new Promise<void>((resolve) => socket.on('message', () => ++messages === 3 && resolve()));
  socket.terminate();
  await emptied(pod.sockets);
  expect(pod.sockets.size).toBe(0);
});

test('the tunnel: SPDY in binary messages', async () => {
  await using pod = await PodBehindServer.start();
  const port = String(await pod.serve((socket) => socket.pipe(socket)));
  const protocol = 'SPDY/3.1+portforward.k8s.io';
  // `ws` has no slash in a subprotocol, neither asked for nor answered.
  const socket = new WebSocket(wsUrl(pod), { headers: { 'Sec-WebSocket-Protocol': protocol } });
  let answered: string | undefined;
  socket.once('upgrade', ({ headers }) => {
    answered = headers['sec-websocket-protocol'];
    delete headers['sec-websocket-protocol'];
  });
  await once(socket, 'open');
  expect(answered).toBe(protocol);
  const connection = new SpdyConnection(new WebSocketBytes(socket), Buffer.alloc(0), {
    role: 'client',
    log: silentLog(),
    idleTimeoutMs: 0,
    maxStreams: 0,
  });
  const error = await connection.openStream(new Map(Object.entries({ streamtype: 'error', port, requestid: '0' })));
  const data = await connection.openStream(new Map(Object.entries({ streamtype: 'data', port, requestid: '0' })));
  data.output.end(Buffer.alloc(3_000_000, 'z'));
  expect((await text(data.input)).length).toBe(3_000_000);
  expect(await text(error.input)).toBe('');
  await connection.close();
  expect(pod.sockets.size).toBe(0);
});
