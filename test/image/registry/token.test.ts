import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Credentials } from '../../../src/image/credentials';
import { PatientHttp } from '../../../src/image/registry/patient';
import { fetchToken } from '../../../src/image/registry/token';
import { clientOf } from '../support/client';
import { FakeRegistry } from '../support/fake-registry';

let registry: FakeRegistry;
/** What the token server was asked, oldest first. */
let asked: { method: string; params: URLSearchParams; authorization: string | undefined }[];
let answers: ((response: ServerResponse, method: string) => void)[];

const json =
  (document: object, status = 200) =>
  (response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
const token = (value: string, more: object = {}) => json({ token: value, ...more });

beforeEach(async () => {
  registry = await FakeRegistry.start();
  asked = [];
  answers = [];
  registry.on(/^\/token/, (request, response) => void answer(request, response));
  accept('good');
});
afterEach(() => registry[Symbol.asyncDispose]());

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const method = request.method ?? '';
  const params = method === 'POST' ? new URLSearchParams(body) : new URL(request.url ?? '', 'http://x').searchParams;
  asked.push({ method, params, authorization: request.headers.authorization });
  const next = answers.length > 1 ? answers.shift() : answers[0];
  next?.(response, method);
}

/** The registry serves whoever has this token, and sends all others to the token server. */
function accept(value: string, challenge = ''): void {
  const words = `Bearer realm="http://${registry.host}/token",service="the service"${challenge}`;
  registry.on(/^\/v2\//, (request, response) => {
    if (request.headers.authorization === `Bearer ${value}`) return void response.end('{"schemaVersion":2}');
    return void response.writeHead(401, { 'www-authenticate': words }).end();
  });
}

const manifest = async (credentials?: Credentials, times = 1) => {
  await using client = clientOf(registry, credentials ? { credentials } : {});
  return Promise.all(Array.from({ length: times }, () => client.manifest()));
};
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const identity = { kind: 'identity', username: '', token: 'refresh' } as const;

test('without credentials the question has service and scope', async () => {
  answers = [token('good')];
  await manifest();
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatchObject({ method: 'GET', authorization: undefined });
  expect([...(asked[0]?.params ?? [])]).toEqual([
    ['service', 'the service'],
    ['scope', 'repository:app:pull'],
  ]);
});

test('a password goes along as Basic, the name also as account', async () => {
  answers = [json({ access_token: 'good' })];
  await manifest({ kind: 'basic', username: 'user', password: 'word' });
  expect(asked[0]?.authorization).toBe(basic('user:word'));
  expect(asked[0]?.params.get('account')).toBe('user');
});

test('an identity token is posted', async () => {
  answers = [json({ access_token: 'good' })];
  await manifest(identity);
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatchObject({ method: 'POST', authorization: undefined });
  expect(Object.fromEntries(asked[0]?.params ?? [])).toEqual({
    grant_type: 'refresh_token',
    refresh_token: 'refresh',
    service: 'the service',
    scope: 'repository:app:pull',
    client_id: 'berth',
  });
});

test.each([400, 401, 404, 405])(
  'where the POST is answered with %s, the identity token is a password',
  async (status) => {
    answers = [(response, method) => (method === 'POST' ? json({}, status) : token('good'))(response)];
    await manifest(identity);
    await manifest({ ...identity, username: 'robot' });
    expect(asked.map(({ method, authorization }) => [method, authorization])).toEqual([
      ['POST', undefined],
      ['GET', basic('<token>:refresh')],
      ['POST', undefined],
      ['GET', basic('robot:refresh')],
    ]);
  },
);

test('one question serves all who wait, and a token that expires is asked for once', async () => {
  const past = new Date(Date.now() - 3_600_000).toISOString();
  answers = [token('good', { expires_in: 60, issued_at: past }), token('good', { expires_in: 1 })];
  await using client = clientOf(registry);
  await client.manifest();
  expect(asked).toHaveLength(1);
  await Promise.all(Array.from({ length: 6 }, () => client.manifest()));
  expect(asked).toHaveLength(2);
  // expires_in below a minute counts as one.
  await client.manifest();
  expect(asked).toHaveLength(2);
});

test('bad credentials stop at once, and are not told', async () => {
  answers = [json({ errors: [{ code: 'UNAUTHORIZED', message: 'who are you' }] }, 401)];
  const error: unknown = await manifest({ kind: 'basic', username: 'u', password: 'SECRET' }).catch((e: unknown) => e);
  expect(error).toMatchObject({
    code: 'registry-denied',
    message: expect.stringMatching(
      /GET http:.*\/token: status 401: UNAUTHORIZED: who are you .*imagePullSecrets/,
    ) as string,
  });
  expect(String(error)).not.toContain('SECRET');
  expect(asked).toHaveLength(1);
});

test('a token server that is busy is waited for', async () => {
  answers = [json({}, 503), (response) => void response.writeHead(429, { 'retry-after': '0' }).end(), token('good')];
  await manifest();
  expect(asked).toHaveLength(3);
});

test.each([
  [
    'a page',
    (response: ServerResponse) => void response.end('<html>log in'),
    /status 200: the answer is not JSON, it begins with "<html>log in"/,
  ],
  ['no token', json({ expires_in: 3 }), /the answer has no token/],
  [
    'too much',
    (response: ServerResponse) => void response.end(`{"token":"${'x'.repeat(1 << 20)}"}`),
    /longer than 1048576 bytes/,
  ],
])('%s in place of an answer is told with its address', async (_what, reply, words) => {
  answers = [reply];
  await expect(manifest()).rejects.toMatchObject({
    code: 'registry-protocol',
    message: expect.stringMatching(words) as string,
    object: `GET http://${registry.host}/token`,
  });
});

test('a scope that does not suffice is widened, once', async () => {
  answers = [token('narrow'), token('narrow'), token('narrow')];
  accept('wide', ',error="insufficient_scope",scope="repository:app:pull repository:base:pull"');
  await expect(manifest()).rejects.toMatchObject({ code: 'registry-denied' });
  expect(asked.map(({ params }) => params.getAll('scope'))).toEqual([
    ['repository:app:pull'],
    ['repository:app:pull', 'repository:base:pull'],
  ]);
});

test('a token that does not help is asked for anew once', async () => {
  answers = [token('bad')];
  await expect(manifest()).rejects.toMatchObject({ code: 'registry-denied' });
  expect(asked).toHaveLength(2);
});

test('a challenge of an unknown scheme is passed over, and none that fits is said', async () => {
  const challenges = ['Negotiate', `Bearer realm="http://${registry.host}/token"`];
  registry.on(/^\/v2\//, (request, response) => {
    if (request.headers.authorization === 'Bearer good') return void response.end('{"schemaVersion":2}');
    return void response.writeHead(401, { 'www-authenticate': challenges }).end();
  });
  answers = [token('good')];
  await manifest();
  challenges.splice(1);
  await expect(manifest()).rejects.toMatchObject({
    code: 'registry-denied',
    message: expect.stringContaining('it wants negotiate authentication') as string,
  });
});

test('credentials do not go to a token server in the clear, unless the registry is insecure', async () => {
  answers = [token('good')];
  const credentials = { kind: 'basic', username: 'u', password: 'p' } as const;
  await using client = clientOf(registry, { credentials });
  await client.manifest();

  const { options } = client.client;
  const endpoint = { ...options.endpoint, insecure: false };
  const challenge = { scheme: 'bearer', params: new Map([['realm', 'http://tokens.example/token']]) };
  await expect(
    fetchToken(
      new PatientHttp({ ...options, endpoint }),
      { challenge, scopes: [], credentials },
      new AbortController().signal,
    ),
  ).rejects.toMatchObject({ code: 'registry-protocol', message: expect.stringContaining('in the clear') as string });
});
