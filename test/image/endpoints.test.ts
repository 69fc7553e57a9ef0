import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { buildImage, type BuiltImage } from '../support/image-builder';
import { until } from '../kernel/support';
import { slow } from '../slow.cjs';
import { FakeRegistry } from './support/fake-registry';
import { insecure, Room } from './support/room';

let image: BuiltImage;
let room: Room;
let registry: FakeRegistry;
let name: string;

beforeAll(async () => {
  // The second layer does not compress: resuming needs some length.
  image = await buildImage({ layers: [{ 'etc/': '', 'etc/motd': 'one' }, { noise: randomBytes(3 * 1024 * 1024) }] });
});

beforeEach(async () => {
  registry = await FakeRegistry.start();
  registry.serve('app', 'latest', image);
  room = await Room.open({ registries: insecure(registry.host) });
  name = `${registry.host}/app:latest`;
});

afterEach(async () => {
  await room[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

async function failure(reference = name): Promise<unknown> {
  const error: unknown = await room.images.pull(reference, undefined).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(await room.remains()).toEqual([]);
  return error;
}

const big = () => image.layers[1] ?? image.config;

test('a port where nobody listens is registry-unreachable and says which', async () => {
  const port = await freePort();
  await room.configure(insecure(`127.0.0.1:${port}`));
  expect(await failure(`127.0.0.1:${port}/app`)).toMatchObject({
    code: 'registry-unreachable',
    message: expect.stringMatching(new RegExp(`127.0.0.1:${port}.*connection refused`)) as string,
  });
});

test('mirrors come first, then the registry; all content from the one that has the manifest', async () => {
  await using mirror = await FakeRegistry.start();
  const conf = (mirrors: string[]) =>
    [
      `[[registry]]\nprefix = "images.example.com/team"\nlocation = "${registry.host}"\ninsecure = true`,
      ...mirrors.map((host) => `[[registry.mirror]]\nlocation = "${host}/cache"\ninsecure = true`),
    ].join('\n');
  await room.configure(conf([mirror.host]));
  const wanted = 'images.example.com/team/app:latest';

  expect((await room.images.pull(wanted, undefined)).repoTags).toEqual([wanted]);
  expect(mirror.seen.map(({ path }) => path)).toEqual(['/v2/', '/v2/cache/app/manifests/latest']);
  await room.images.remove(wanted);

  mirror.serve('cache/app', 'latest', image);
  registry.seen.splice(0);
  await room.images.pull(wanted, undefined);
  expect(registry.seen).toEqual([]);
  await room.images.remove(wanted);

  const port = await freePort();
  await room.configure(conf([`127.0.0.1:${port}`, mirror.host]));
  const error = await failure('images.example.com/team/other');
  expect(error).toMatchObject({ code: 'manifest-not-found' });
  expect(String(error)).toMatch(new RegExp(`127.0.0.1:${port}.*connection refused.*${mirror.host}.*${registry.host}`));
});

test('a mirror that stalls is left for the registry, and layers of the next attempt are whole', async () => {
  await using mirror = await FakeRegistry.start();
  mirror.serve('app', 'latest', image);
  mirror.on(new RegExp(big().digest), (_, response, body) => {
    response.writeHead(200, { 'content-length': body.length });
    response.write(body.subarray(0, 1000));
  });
  const registries = [
    `[[registry]]\nlocation = "${registry.host}"\ninsecure = true`,
    `[[registry.mirror]]\nlocation = "${mirror.host}"\ninsecure = true`,
  ].join('\n');
  await using impatient = await Room.open({ registries, progressTimeoutMs: 200 * slow });
  expect((await impatient.images.pull(name, undefined)).id).toBe(image.config.digest);
  registry.on(new RegExp(big().digest), (_, response) => void response.writeHead(200).flushHeaders());
  await impatient.images.remove(name);
  await expect(impatient.images.pull(name, undefined)).rejects.toMatchObject({
    code: 'registry-unreachable',
    message: expect.stringMatching(
      new RegExp(`${name}: ${mirror.host}: .*no progress: .*; ${registry.host}: .*no progress.*pull_progress_timeout`),
    ) as string,
  });
  expect(await impatient.remains()).toEqual([]);
});

test('a file that was left for one pull in a namespace serves it, and an equal one that joins takes its own', async () => {
  registry.on(/^\/v2\//, (request, response, body) => {
    if (request.headers.authorization === `Basic ${Buffer.from('u:p').toString('base64')}`) {
      return void response.end(body);
    }
    return void response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
  });
  const dir = join(room.dir, 'auth');
  const file = join(dir, `shop-${createHash('sha256').update(`${registry.host}/app`).digest('hex')}.json`);
  mkdirSync(dir);
  const leave = () =>
    writeFileSync(file, JSON.stringify({ auths: { [registry.host]: { username: 'u', password: 'p' } } }));
  leave();
  const first = room.images.pull(name, undefined, undefined, 'shop');
  expect((await first).id).toBe(image.config.digest);
  expect(readdirSync(dir)).toEqual([]);
  await room.images.remove(name);
  expect(await failure()).toMatchObject({ code: 'registry-denied' });
  leave();
  const second = room.images.pull(name, undefined, undefined, 'shop');
  await until('the file to be taken', () => readdirSync(dir).length === 0);
  leave();
  const third = room.images.pull(name, undefined, undefined, 'shop');
  expect((await third).id).toBe((await second).id);
  expect(readdirSync(dir)).toEqual([]);
});

test('a registry that is blocked is not asked', async () => {
  await room.configure(`[[registry]]\nlocation = "${registry.host}"\ninsecure = true\nblocked = true\n`);
  expect(await failure()).toMatchObject({ code: 'image-blocked' });
  expect(registry.seen).toEqual([]);
});

test('plain http is not spoken unless the registry is insecure', async () => {
  await room.configure('');
  expect(await failure()).toMatchObject({
    code: 'registry-unreachable',
    message: expect.stringContaining('does not speak TLS') as string,
  });
  expect(registry.seen).toEqual([]);
});

test('a certificate of nobody’s is taken only from an insecure registry', async () => {
  await using secure = await FakeRegistry.start(selfSigned(room.dir));
  secure.serve('app', 'latest', image);
  await room.configure('');
  expect(await failure(`${secure.host}/app`)).toMatchObject({
    code: 'registry-unreachable',
    message: expect.stringContaining('certificate is self-signed') as string,
  });
  expect(secure.seen).toEqual([]);
  await room.configure(insecure(secure.host));
  expect((await room.images.pull(`${secure.host}/app`, undefined)).id).toBe(image.config.digest);
});

test('closing ends what is under way, and leaves nothing', async () => {
  registry.on(new RegExp(`blobs/${big().digest}`), (_, response, body) => {
    response.writeHead(200, { 'content-length': body.length });
    response.write(body.subarray(0, 1000));
    void room.images.close(new Error('stop'));
  });
  expect(await failure()).toMatchObject({ code: 'call-cancelled' });
});

function selfSigned(dir: string): { key: string; cert: string } {
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const args = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
  ];
  execFileSync('openssl', ['req', '-x509', ...args, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return address.port;
}
