import { request } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Duplex } from 'node:stream';
import { silentLog } from '../../../src/base';
import { SpdyConnection } from '../../../src/streaming/spdy/connection';
import type { SpdyStream } from '../../../src/streaming/spdy/stream';
import { PodBehindServer } from './pod';

const client = async (pod: PodBehindServer) => {
  const upgrade = request(pod.url(), {
    method: 'POST',
    headers: { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': 'portforward.k8s.io' },
  });
  upgrade.end();
  const [, socket, head] = (await once(upgrade, 'upgrade')) as [unknown, Duplex, Buffer];
  const connection = new SpdyConnection(socket, head, {
    role: 'client',
    log: silentLog(),
    idleTimeoutMs: 0,
    maxStreams: 0,
  });
  return {
    open: (headers: Record<string, string>) => connection.openStream(new Map(Object.entries(headers))),
    [Symbol.dispose]: () => connection.destroy(),
  };
};

const isReset = async (stream: SpdyStream) => {
  if (!stream.signal.aborted) await once(stream.signal, 'abort');
};

test('streams find together by their request, in whichever order they come', async () => {
  await using pod = await PodBehindServer.start();
  const port = String(await pod.serve((socket) => socket.pipe(socket)));
  using session = await client(pod);
  const one = await session.open({ streamtype: 'data', port, requestid: '1' });
  const two = await session.open({ streamtype: 'error', port, requestid: '2' });
  await session.open({ streamtype: 'error', port, requestid: '1' });
  const three = await session.open({ streamtype: 'data', port, requestid: '2' });
  one.output.end('one');
  three.output.end('three');
  expect(await Promise.all([text(one.input), text(two.input), text(three.input)])).toEqual(['one', '', 'three']);
});

test('without a request id the streams of two ids in a row belong together', async () => {
  await using pod = await PodBehindServer.start();
  const port = String(await pod.serve((socket) => socket.pipe(socket)));
  using session = await client(pod);
  for (const word of ['old', 'older']) {
    const error = await session.open({ streamtype: 'error', port });
    const data = await session.open({ streamtype: 'data', port });
    data.output.end(word);
    expect(await Promise.all([text(data.input), text(error.input)])).toEqual([word, '']);
  }
});

test.each([
  ['no port', { streamtype: 'data', requestid: '1' }],
  ['port 0', { streamtype: 'data', requestid: '1', port: '0' }],
  ['port 65536', { streamtype: 'error', requestid: '1', port: '65536' }],
  ['a port that is none', { streamtype: 'data', requestid: '1', port: '80x' }],
  ['no type', { requestid: '1', port: '80' }],
  ['another type', { streamtype: 'stdin', requestid: '1', port: '80' }],
  ['an endless request id', { streamtype: 'data', requestid: 'x'.repeat(257), port: '80' }],
])('a stream with %s is reset', async (_what, headers: Record<string, string>) => {
  await using pod = await PodBehindServer.start();
  using session = await client(pod);
  await isReset(await session.open(headers));
});

test('a second stream of a type for one request is reset', async () => {
  await using pod = await PodBehindServer.start();
  using session = await client(pod);
  await session.open({ streamtype: 'error', port: '80', requestid: '1' });
  await isReset(await session.open({ streamtype: 'error', port: '80', requestid: '1' }));
});

test('streams of one request that name different ports are told so', async () => {
  await using pod = await PodBehindServer.start();
  using session = await client(pod);
  const error = await session.open({ streamtype: 'error', port: '80', requestid: '1' });
  await isReset(await session.open({ streamtype: 'data', port: '81', requestid: '1' }));
  expect(await text(error.input)).toBe('the error stream is for port 80, the data stream for another');
});

test('a stream that stays alone is told so, or reset', async () => {
  await using pod = await PodBehindServer.start({}, { creationTimeoutMs: 200 });
  using session = await client(pod);
  const error = await session.open({ streamtype: 'error', port: '80', requestid: '1' });
  const data = await session.open({ streamtype: 'data', port: '80', requestid: '2' });
  expect(await text(error.input)).toBe('the client did not open the other stream of request "1" within 0.2 s');
  await isReset(data);
});
