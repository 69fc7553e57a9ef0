import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { silentLog } from '../../../src/base';
import { createMetricsServer, type MetricsServer, type MetricsServerOptions } from '../../../src/observe';
import { Authority } from '../../support/authority';

const body = '# HELP a_total b\n# TYPE a_total counter\na_total 1\n';
const metrics = { render: async (format: string) => `${format}\n${body}` };

let server: MetricsServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serve(more: Partial<MetricsServerOptions> = {}): Promise<string> {
  server = createMetricsServer({ host: '127.0.0.1', port: 0, metrics, log: silentLog(), ...more });
  expect(server.url).toBeUndefined();
  await server.reload();
  return server.url ?? '';
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

function ask(url: string, options: RequestOptions & { ca?: string; sent?: string } = {}): Promise<Answer> {
  const request = url.startsWith('https:') ? tlsRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, ...options }, (response) => {
      text(response).then(
        (all) => resolve({ status: response.statusCode, headers: response.headers, body: all }),
        reject,
      );
    });
    asked.on('error', reject).end(options.sent);
  });
}

/** What comes on a connection of its own until it ends, when these bytes are sent. */
function raw(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes));
    let got = '';
    socket.on('data', (chunk: Buffer) => (got += String(chunk)));
    socket.on('close', () => resolve(got));
    socket.on('error', reject);
  });
}

test('GET /metrics is answered in the format that is asked for', async () => {
  const url = await serve();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  const plain = await ask(url);
  expect([plain.status, plain.body]).toEqual([200, `text\n${body}`]);
  expect(plain.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  const open = await ask(`${url}?x=1`, { headers: { Accept: 'application/openmetrics-text;version=1.0.0' } });
  expect([open.status, open.body.split('\n')[0]]).toEqual([200, 'openmetrics']);
  expect(open.headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
});

test.each([
  ['GET', '/', 404],
  ['GET', '/metrics/', 404],
  ['GET', '/metricsx', 404],
  ['GET', '//metrics', 404],
  ['POST', '/metrics', 405],
  ['HEAD', '/metrics', 405],
  ['DELETE', '/metrics', 405],
])('%s %s is answered %i', async (method, path, status) => {
  const url = await serve();
  const { origin } = new URL(url);
  const { port, hostname } = new URL(origin);
  const answer = await ask(origin, {
    method,
    path,
    port,
    hostname,
    sent: method === 'POST' ? 'x'.repeat(100_000) : '',
  });
  expect(answer.status).toBe(status);
  if (status === 405) expect(answer.headers.allow).toBe('GET');
  expect((await ask(url)).status).toBe(200);
});

test('a head that is too large, or is none, or does not come, ends its connection', async () => {
  const url = await serve({ timeoutMs: 300 });
  expect(await raw(url, `GET /metrics HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 431 /,
  );
  expect(await raw(url, 'no request\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  expect(await raw(url, 'GET /metrics HTTP/1.1\r\n')).toMatch(/^(HTTP\/1\.1 408 |$)/);
  expect((await ask(url)).status).toBe(200);
});

test('an answer that nobody takes ends with its connection', async () => {
  const url = await serve({ timeoutMs: 200, metrics: { render: async () => 'x'.repeat(64 << 20) } });
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
  socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 400));
  let got = 0;
  socket.on('data', (chunk: Buffer) => (got += chunk.length)).resume();
  await new Promise((resolve) => socket.once('close', resolve).on('error', () => undefined));
  expect(got).toBeLessThan(64 << 20);
});

test('connections beyond the bound are closed, those that are there go on', async () => {
  const url = await serve();
  const port = Number(new URL(url).port);
  const open = await Promise.all(
    Array.from(
      { length: 32 },
      () =>
        new Promise<ReturnType<typeof connect>>((resolve, reject) => {
          const socket = connect(port, '127.0.0.1', () => resolve(socket)).on('error', reject);
        }),
    ),
  );
  await expect(ask(url)).rejects.toThrow(/hang up|ECONNRESET/);
  open.forEach((socket) => socket.destroy());
  await expect(async () => {
    for (;;) if ((await ask(url).catch(() => undefined))?.status === 200) throw new Error('served again');
  }).rejects.toThrow('served again');
});

test('a collection that fails is answered 500, and told in the log', async () => {
  const render = jest.fn().mockRejectedValueOnce(new Error('no such figure')).mockResolvedValue(body);
  const log = silentLog();
  const told = jest.spyOn(log, 'error');
  const url = await serve({ metrics: { render }, log });
  const failed = await ask(url);
  expect([failed.status, failed.body]).toEqual([500, expect.not.stringContaining('no such figure')]);
  expect(told).toHaveBeenCalledWith(expect.anything(), expect.stringContaining('no such figure'));
  expect((await ask(url)).status).toBe(200);
});

test('an address that is taken rejects, and is had by a reload when it is free', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as AddressInfo;
  server = createMetricsServer({ host: '127.0.0.1', port, metrics, log: silentLog() });
  await expect(server.reload()).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringMatching(/listen for metrics.*EADDRINUSE/) as string,
  });
  expect(server.url).toBeUndefined();
  await new Promise((resolve) => holder.close(resolve));
  await server.reload();
  expect((await ask(server.url ?? '')).status).toBe(200);
});

describe('over TLS', () => {
  let authority: Authority;
  let folder: string;
  let files: { cert: string; key: string };
  beforeAll(async () => {
    authority = await Authority.create('scrapers');
    folder = await mkdtemp(join(tmpdir(), 'berth-metrics-tls-'));
    files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  });
  afterAll(async () => {
    await authority[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => renew());

  async function renew(): Promise<void> {
    const { cert, key } = await authority.serverCertificate('127.0.0.1');
    await Promise.all([writeFile(files.cert, cert), writeFile(files.key, key)]);
  }

  test('it is served to who trusts the certificate; a reload takes another, and none that cannot be used', async () => {
    const url = await serve({ tls: files });
    const ca = authority.certificate;
    expect(url).toMatch(/^https:/);
    expect((await ask(url, { ca })).status).toBe(200);
    await expect(ask(url)).rejects.toThrow(/certificate/);
    await writeFile(files.cert, 'none');
    await expect(server?.reload()).rejects.toMatchObject({ code: 'config-invalid' });
    expect((await ask(url, { ca })).status).toBe(200);
    await renew();
    await server?.reload();
    expect((await ask(url, { ca })).status).toBe(200);
  });

  test('with client_ca only those who show a certificate may read', async () => {
    const url = await serve({ tls: { ...files, clientCa: authority.file } });
    const ca = authority.certificate;
    await expect(ask(url, { ca })).rejects.toThrow();
    const own = await authority.clientCertificate('prometheus');
    expect((await ask(url, { ca, ...own })).status).toBe(200);
  });
});
