import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SecureVersion, type TLSSocket, connect } from 'node:tls';
import { silentLog } from '../../../src/base';
import { createStreamingServer } from '../../../src/streaming';
import { Authority, type KeyPair } from '../../support/authority';
import { ShellTarget } from '../shell-target';

const request1 = { containerId: 'c1', cmd: ['true'], tty: false, stdin: false, stdout: true, stderr: false };

let authority: Authority;
let folder: string;
let files: { cert: string; key: string };
beforeAll(async () => {
  authority = await Authority.create();
});
afterAll(async () => authority[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-streaming-tls-'));
  files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  await place(await authority.serverCertificate('127.0.0.1'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

/** As a program does that replaces certificates: each by a rename. */
async function place({ cert, key }: KeyPair): Promise<void> {
  for (const [path, text] of [
    [files.cert, cert],
    [files.key, key],
  ] as const) {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  }
}

async function serve(clientCa?: string) {
  const options = { host: '127.0.0.1', port: 0, target: new ShellTarget(), log: silentLog() };
  const server = createStreamingServer({ ...options, tls: { ...files, clientCa } });
  await server.listen();
  return { url: () => server.execUrl(request1), server, [Symbol.asyncDispose]: () => server.close() };
}

/** The status that a plain request is answered with; rejects with what TLS says. */
function ask(url: string, own: Partial<KeyPair> = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ca: authority.certificate, agent: false, ...own }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', reject).end();
  });
}

/** The serial number of the certificate that the server shows now. */
async function serial(url: string, maxVersion?: SecureVersion): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), ca: authority.certificate, maxVersion });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('secureConnect', () => resolve(numberOf(socket)));
  });
}

function numberOf(socket: TLSSocket): string {
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

test('URLs are https, and served with the certificate that was given', async () => {
  await using serving = await serve();
  const url = serving.url();
  expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/exec\//);
  // An answer of the server itself: no upgrade was asked for.
  expect(await ask(url)).toBe(400);
});

test('TLS 1.2 is the least', async () => {
  await using serving = await serve();
  const url = serving.url();
  expect(await serial(url, 'TLSv1.2')).toBe(await serial(url, 'TLSv1.3'));
  await expect(serial(url, 'TLSv1.1')).rejects.toThrow();
});

test('with a client CA a client needs a certificate of it', async () => {
  await using stranger = await Authority.create('somebody else');
  await using serving = await serve(authority.file);
  expect(await ask(serving.url(), await authority.clientCertificate('kubelet'))).toBe(400);
  await expect(ask(serving.url())).rejects.toThrow();
  await expect(ask(serving.url(), await stranger.clientCertificate('kubelet'))).rejects.toThrow();
});

test('new certificates are taken when the files change, without being told', async () => {
  await using serving = await serve();
  const url = serving.url();
  const old = await serial(url);
  await place(await authority.serverCertificate('127.0.0.1'));
  const late = AbortSignal.timeout(60_000);
  while ((await serial(url)) === old) {
    late.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});

test('a reload takes new ones at once; those that cannot be used leave the old ones in force', async () => {
  await using serving = await serve();
  const url = serving.url();
  const old = await serial(url);
  const { cert } = await authority.serverCertificate('127.0.0.1');
  await writeFile(files.cert, cert);
  await expect(serving.server.reload()).rejects.toMatchObject({ code: 'config-invalid' });
  await writeFile(files.cert, 'no certificate');
  await expect(serving.server.reload()).rejects.toMatchObject({ code: 'config-invalid' });
  expect(await serial(url)).toBe(old);
  await place(await authority.serverCertificate('127.0.0.1'));
  await serving.server.reload();
  expect(await serial(url)).not.toBe(old);
});

test('files that are not there are an error that names them', async () => {
  await rm(files.key);
  await expect(serve()).rejects.toThrow(files.key);
});
