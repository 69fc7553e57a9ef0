import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { silentLog } from '../../../src/base';
import { type StreamingOptions, createStreamingServer } from '../../../src/streaming';
import { CommandSocket } from '../../support/command-socket';
import { ShellTarget } from '../shell-target';

const v5 = 'v5.channel.k8s.io';
const sleeping = { containerId: 'c1', cmd: ['sleep', '1000'], tty: false, stdin: true, stdout: true, stderr: false };

async function serve(options: Partial<StreamingOptions>) {
  const base = { host: '127.0.0.1', port: 0, target: new ShellTarget(), log: silentLog() };
  const server = createStreamingServer({ ...base, ...options });
  await server.listen();
  return { url: () => server.execUrl(sleeping), [Symbol.asyncDispose]: () => server.close() };
}

test('sessions beyond the limit are answered 429 with Retry-After, and their URL stays good', async () => {
  await using serving = await serve({ maxSessions: 1 });
  const first = await CommandSocket.open(serving.url(), v5);
  const url = serving.url();
  const headers = { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': 'v4.channel.k8s.io' };
  const sent = request(url, { method: 'POST', headers, agent: false }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  expect(response).toMatchObject({ statusCode: 429, headers: { 'retry-after': '5' } });
  expect(await text(response)).toContain('as many as may be at once');
  first.socket.terminate();
  await first.closed;
  const late = AbortSignal.timeout(10_000);
  for (;;) {
    // The first one's command has to be gone before its place is free.
    const next = await CommandSocket.open(url, v5).catch((error: Error) => error.message);
    if (typeof next !== 'string') return next.socket.terminate();
    expect(next).toContain('429');
    late.throwIfAborted();
  }
});

test('connections that send no request are closed', async () => {
  await using serving = await serve({ creationTimeoutMs: 100 });
  const socket = createConnection({ host: '127.0.0.1', port: Number(new URL(serving.url()).port) });
  socket.resume();
  await once(socket, 'close');
});

test('connections are limited, those that have not sent a request too', async () => {
  await using serving = await serve({ maxSessions: 1 });
  const port = Number(new URL(serving.url()).port);
  const sockets = Array.from({ length: 300 }, () =>
    createConnection({ host: '127.0.0.1', port }).on('error', () => undefined),
  );
  await Promise.race(sockets.map((socket) => once(socket.resume(), 'close')));
  for (const socket of sockets) socket.destroy();
});

test('a request whose head has no end is refused', async () => {
  await using serving = await serve({});
  const socket = createConnection({ host: '127.0.0.1', port: Number(new URL(serving.url()).port) });
  socket.write(`GET /exec/x HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(32 * 1024)}`);
  expect(await text(socket)).toMatch(/^HTTP\/1.1 431 /);
});
