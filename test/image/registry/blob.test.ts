import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { rangeFits } from '../../../src/image/registry/blob-stream';
import { until } from '../../kernel/support';
import { blobOf } from '../../support/image-builder';
import { clientOf } from '../support/client';
import { FakeRegistry } from '../support/fake-registry';

const blob = blobOf(randomBytes(3 * 1024 * 1024));
const size = blob.bytes.length;
let registry: FakeRegistry;

beforeEach(async () => {
  registry = await FakeRegistry.start();
  registry.put(`blobs/${blob.digest}`, 'app', blob);
});
afterEach(() => registry[Symbol.asyncDispose]());

const read = async (choices = {}, more = {}) => {
  await using client = clientOf(registry, choices);
  return client.read(blob.digest, size, more);
};
const fromOf = (request: IncomingMessage) => Number(/bytes=([0-9]+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
/** Breaks off after so many more bytes, as often as is said; then the rest is served. */
function breaking(times: number, after: number, rangeOf = (from: number) => `bytes ${from}-${size - 1}/${size}`): void {
  let left = times;
  registry.on(/blobs/, (request: IncomingMessage, response: ServerResponse, body: Buffer) => {
    const from = fromOf(request);
    const range = { 'content-range': rangeOf(from) };
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': size - from, ...(from > 0 ? range : {}) });
    if (left-- <= 0) return void response.end(body.subarray(from));
    return void response.write(body.subarray(from, from + after), () => response.destroy());
  });
}

test.each([
  ['bytes 5-9/10', true],
  ['bytes 5-7/10', true],
  ['bytes 5-9/*', true],
  ['bytes 4-9/10', false],
  ['bytes 5-10/10', false],
  ['bytes 5-9/11', false],
  ['bytes */10', false],
  ['items 5-9/10', false],
  ['', false],
])('of ten bytes from the fifth on, %s fits: %s', (range, fits) => {
  expect(rangeFits(range, 5, 10)).toBe(fits);
});

test('each byte is told once, however often the connection broke', async () => {
  breaking(2, 1_000_000);
  const told: number[] = [];
  const onBytes = (digest: string, bytes: number) => {
    expect(digest).toBe(blob.digest);
    told.push(bytes);
  };
  expect((await read({ onBytes })).equals(blob.bytes)).toBe(true);
  expect(told.reduce((sum, bytes) => sum + bytes, 0)).toBe(size);
  expect(registry.count(/blobs/)).toBe(3);
});

test('a registry that answers a range with all of it has the known bytes skipped, and told once', async () => {
  let first = true;
  registry.on(/blobs/, (_, response, body) => {
    response.writeHead(200, { 'content-length': size });
    if (!first) return void response.end(body);
    first = false;
    return void response.write(body.subarray(0, 1_500_000), () => response.destroy());
  });
  let told = 0;
  expect((await read({ onBytes: (_: string, bytes: number) => (told += bytes) })).equals(blob.bytes)).toBe(true);
  expect(told).toBe(size);
});

test.each([
  ['another place', (from: number) => `bytes ${from - 1}-${size - 1}/${size}`],
  ['another blob', (from: number) => `bytes ${from}-${size - 1}/${size + 1}`],
  ['nothing', () => ''],
])('a 206 that tells of %s is refused with both', async (_what, rangeOf) => {
  breaking(1, 1_000_000, rangeOf);
  await expect(read()).rejects.toMatchObject({
    code: 'registry-protocol',
    message: expect.stringMatching(
      /GET http:.*blobs.*status 206: asked for bytes from [0-9]+ on, it answers/,
    ) as string,
  });
});

test('one that breaks again and again goes on while it gets on, and ends when it does not', async () => {
  breaking(20, 300_000);
  // Each time less than 1 MiB: five such failures in a row are borne.
  await expect(read()).rejects.toMatchObject({ code: 'registry-unreachable' });
  expect(registry.count(/blobs/)).toBe(6);
  registry.seen.splice(0);
  const large = 1.2 * 1024 * 1024;
  breaking(2, large);
  expect((await read()).equals(blob.bytes)).toBe(true);
});

test('a stalled one is ended by the meter', async () => {
  registry.on(/blobs/, (_, response, body) => {
    response.writeHead(200, { 'content-length': size });
    response.write(body.subarray(0, 100_000));
  });
  await expect(read({ progressTimeoutMs: 50 })).rejects.toMatchObject({
    code: 'registry-unreachable',
    message: expect.stringContaining('it made no progress') as string,
  });
});

test('a reader that leaves frees the connection that it was taken up on', async () => {
  const closed = new Promise<void>((resolve) => {
    registry.on(/blobs/, (request, response, body) => {
      const from = fromOf(request);
      if (from === 0) {
        response.writeHead(200, { 'content-length': size });
        return void response.write(body.subarray(0, 200_000), () => response.destroy());
      }
      response.on('close', resolve);
      response.writeHead(206, { 'content-range': `bytes ${from}-${size - 1}/${size}` }).flushHeaders();
    });
  });
  await using client = clientOf(registry);
  const { signal } = new AbortController();
  const stream = await client.client.blob({ mediaType: '', digest: blob.digest, size }, signal);
  stream.resume();
  await until('it is taken up', () => registry.count(/blobs/) === 2);
  stream.destroy();
  await closed;
});

test('a document that drips is ended by it too', async () => {
  registry.on(/manifests/, (request, response) => {
    const drip = setInterval(() => response.write(' '), 5);
    request.on('close', () => clearInterval(drip));
  });
  await using client = clientOf(registry, { progressTimeoutMs: 100 });
  await expect(client.manifest(client.meter.stalled)).rejects.toMatchObject({
    message: expect.stringContaining('it made no progress') as string,
  });
});

test('a caller that gives up ends each kind of wait', async () => {
  const cases: [RegExp, (response: ServerResponse) => void][] = [
    [/^\/v2\/$/, () => undefined],
    [/manifests/, () => undefined],
    [/manifests/, (response) => void response.writeHead(429, { 'retry-after': '1' }).end()],
    [/manifests/, (response) => void response.writeHead(200).write('{')],
  ];
  for (const [path, act] of cases) {
    await using silent = await FakeRegistry.start();
    await using client = clientOf(silent);
    const giveUp = new AbortController();
    silent.on(path, (_, response) => {
      act(response);
      setImmediate(() => giveUp.abort());
    });
    await expect(client.manifest(giveUp.signal)).rejects.toMatchObject({ code: 'call-cancelled' });
  }
});

describe('a foreign layer', () => {
  const mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
  const credentials = { kind: 'bearer', token: 'SECRET' } as const;

  test('is fetched where its descriptor says, without credentials, and goes on there', async () => {
    await using elsewhere = await FakeRegistry.start();
    let broke = false;
    elsewhere.on(/layer/, (request, response) => {
      const from = fromOf(request);
      response.writeHead(from > 0 ? 206 : 200, { 'content-range': `bytes ${from}-${size - 1}/${size}` });
      if (broke) return void response.end(blob.bytes.subarray(from));
      broke = true;
      return void response.write(blob.bytes.subarray(0, 1_000_000), () => response.destroy());
    });
    const urls = ['ftp://nowhere', `http://${elsewhere.host}/missing`, `http://${elsewhere.host}/layer`];
    expect((await read({ credentials }, { mediaType, urls })).equals(blob.bytes)).toBe(true);
    expect(elsewhere.seen.map(({ path }) => path)).toEqual(['/missing', '/layer', '/layer']);
    for (const { headers } of elsewhere.seen) expect(headers.authorization).toBeUndefined();
    expect(registry.count(/blobs/)).toBe(0);
  });

  test('is the registry’s where nothing else has it', async () => {
    await using elsewhere = await FakeRegistry.start();
    const urls = [`http://${elsewhere.host}/missing`, `https://${elsewhere.host}/no-tls`];
    expect((await read({ credentials }, { mediaType, urls })).equals(blob.bytes)).toBe(true);
    expect(registry.seen.at(-1)?.headers.authorization).toBe('Bearer SECRET');
  });

  test('is only one that says so: an image cannot send us elsewhere for any other', async () => {
    await using elsewhere = await FakeRegistry.start();
    await read({}, { mediaType: 'application/vnd.oci.image.layer.v1.tar', urls: [`http://${elsewhere.host}/layer`] });
    expect(elsewhere.seen).toEqual([]);
  });
});
