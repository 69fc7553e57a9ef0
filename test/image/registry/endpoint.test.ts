import { endpointOf } from '../../../src/image/registry';
import { printable } from '../../../src/image/registry/endpoint';
import { blobOf } from '../../support/image-builder';
import { clientOf } from '../support/client';
import { FakeRegistry } from '../support/fake-registry';

const originsOf = (host: string, insecure: boolean) =>
  endpointOf({ kind: 'primary', host, path: 'app', insecure }).origins.map(({ origin }) => origin);

test('Docker Hub is dialled under another name; plain http is the second choice of insecure registries only', () => {
  expect(originsOf('docker.io', false)).toEqual(['https://registry-1.docker.io']);
  expect(originsOf('a.b:5000', false)).toEqual(['https://a.b:5000']);
  expect(originsOf('a.b', true)).toEqual(['https://a.b', 'http://a.b']);
  expect(originsOf('[::1]:5000', true)).toEqual(['https://[::1]:5000', 'http://[::1]:5000']);
});

test('an address is told without what may be secret in it', () => {
  expect(printable(new URL('https://user:word@a.b/v2/x?signature=SECRET#y'))).toBe('https://a.b/v2/x');
});

describe('what a registry answers', () => {
  let registry: FakeRegistry;
  beforeEach(async () => void (registry = await FakeRegistry.start()));
  afterEach(() => registry[Symbol.asyncDispose]());

  const failure = async (choices = {}) => {
    await using client = clientOf(registry, choices);
    return client.manifest().then(
      () => undefined,
      (error: unknown) => error,
    );
  };
  const answer = (status: number, body: string, type = 'application/json') =>
    registry.on(/manifests/, (_, response) => void response.writeHead(status, { 'content-type': type }).end(body));
  const errors = (code: string, message: string) => JSON.stringify({ errors: [{ code, message, detail: {} }] });

  test.each([
    [404, errors('MANIFEST_UNKNOWN', 'manifest unknown'), 'manifest-not-found'],
    [404, errors('NAME_UNKNOWN', 'repository unknown'), 'manifest-not-found'],
    [400, errors('UNKNOWN', 'Not Found'), 'manifest-not-found'],
    [404, '', 'manifest-not-found'],
    [404, 'no such thing', 'manifest-not-found'],
    [404, '<!doctype html><p>404', 'registry-protocol'],
    [400, errors('UNKNOWN', 'something else'), 'registry-protocol'],
    [401, errors('UNAUTHORIZED', 'no'), 'registry-denied'],
    [403, errors('DENIED', 'no'), 'registry-denied'],
    [429, errors('TOOMANYREQUESTS', 'slower'), 'registry-throttled'],
    [500, 'oops', 'registry-unreachable'],
    [418, 'teapot', 'registry-protocol'],
    [407, '', 'registry-protocol'],
  ])('%s %s is %s', async (status, body, code) => {
    answer(status, body);
    expect(await failure({ last: false })).toMatchObject({
      code,
      object: `GET http://${registry.host}/v2/app/manifests/latest`,
      detail: expect.stringContaining(`status ${status}`) as string,
    });
  });

  test('an endless error is not read to its end', async () => {
    answer(400, 'x'.repeat(1024 * 1024 + 1));
    expect(await failure()).toMatchObject({
      code: 'registry-protocol',
      message: expect.stringContaining('longer than 1048576 bytes') as string,
    });
  });

  test.each([408, 429, 500, 502, 503, 504])('%s is waited for at the last endpoint only', async (status) => {
    answer(status, '');
    await failure({ last: false });
    expect(registry.count(/manifests/)).toBe(1);
    registry.seen.splice(0);
    await failure({ last: true });
    expect(registry.count(/manifests/)).toBe(5);
  });

  test('there is one ping, however much is asked at once; only 200 and 401 make a registry', async () => {
    registry.put('manifests/latest', 'app', blobOf(Buffer.from('{}')), 'application/json');
    await using client = clientOf(registry);
    await Promise.all([client.manifest(), client.manifest(), client.manifest()]);
    expect(registry.count(/^\/v2\/$/)).toBe(1);
    registry.on(/^\/v2\/$/, (_, response) => void response.writeHead(404).end());
    expect(await failure()).toMatchObject({ code: 'registry-protocol', object: `GET http://${registry.host}/v2/` });
  });

  test('a refusal without a word on how to authenticate is no registry’s', async () => {
    registry.on(/^\/v2\/$/, (_, response) => void response.writeHead(401).end());
    expect(await failure()).toMatchObject({
      code: 'registry-protocol',
      message: expect.stringContaining('does not say how to authenticate') as string,
    });
  });

  test('the resource itself may ask, where the ping did not', async () => {
    registry.on(/manifests/, (request, response) => {
      if (request.headers.authorization !== undefined) return void response.end('{}');
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    });
    const credentials = { kind: 'basic', username: 'u', password: 'p' } as const;
    expect(await failure({ credentials })).toBeUndefined();
    expect(registry.count(/manifests/)).toBe(2);
  });

  test('a redirect to another port sheds the credentials', async () => {
    await using other = await FakeRegistry.start();
    registry.on(/manifests/, (request, response) => {
      response.writeHead(302, { location: `http://${other.host}${request.url ?? ''}` }).end();
    });
    await failure({ credentials: { kind: 'bearer', token: 't' } });
    expect(registry.seen.at(-1)?.headers.authorization).toBe('Bearer t');
    expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});
