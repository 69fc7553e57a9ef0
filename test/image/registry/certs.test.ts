import { buildImage, type BuiltImage } from '../../support/image-builder';
import { Authority } from '../../support/authority';
import { readHostCerts } from '../../../src/image/registry/tls/certs-d';
import { FakeRegistry } from '../support/fake-registry';
import { Room } from '../support/room';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const pem = (what: string) => `-----BEGIN ${what}-----\n-----END ${what}-----\n`;

describe('the folder of a host', () => {
  let dir: string;
  beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'berth-certs-'))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const write = async (folder: string, ...names: string[]) => {
    await mkdir(join(dir, folder), { recursive: true });
    for (const name of names) await writeFile(join(dir, folder, name), pem(name));
  };
  const read = (host: string) => readHostCerts([join(dir, 'one'), join(dir, 'two')], host);

  test('is the first that there is, with its authorities and pairs', async () => {
    await write('two/a.b:5000', 'x.crt', 'y.crt', 'me.cert', 'me.key', 'README');
    await write('two/both', 'second.crt');
    await write('one/both', 'first.crt');
    expect(await read('a.b:5000')).toMatchObject({
      folder: join(dir, 'two/a.b:5000'),
      authorities: [pem('x.crt'), pem('y.crt')],
      pairs: [{ cert: pem('me.cert'), key: pem('me.key') }],
    });
    expect((await read('both'))?.authorities).toEqual([pem('first.crt')]);
    expect(await read('a.b')).toBeUndefined();
  });

  test('has another stamp when its content is another', async () => {
    await write('one/a.b', 'x.crt');
    const before = await read('a.b');
    expect((await read('a.b'))?.stamp).toBe(before?.stamp);
    await writeFile(join(dir, 'one/a.b/x.crt'), pem('OTHER'));
    expect((await read('a.b'))?.stamp).not.toBe(before?.stamp);
  });

  test.each([
    ['me.cert', /me\.cert: its me\.key is missing; an authority's certificate is named \*\.crt/],
    ['me.key', /me\.key: its me\.cert is missing/],
  ])('with half a pair (%s) is an error', async (name, words) => {
    await write('one/a.b', name);
    await expect(read('a.b')).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringMatching(words) as string,
    });
  });

  test('with what is no certificate is an error', async () => {
    await mkdir(join(dir, 'one/a.b'), { recursive: true });
    await writeFile(join(dir, 'one/a.b/x.crt'), 'der');
    await expect(read('a.b')).rejects.toMatchObject({ code: 'config-invalid', object: join(dir, 'one/a.b/x.crt') });
    await mkdir(join(dir, 'one/c.d/y.crt'), { recursive: true });
    await expect(read('c.d')).rejects.toMatchObject({ code: 'config-unreadable' });
  });
});

describe('connections', () => {
  let authority: Authority;
  let image: BuiltImage;
  let room: Room;
  beforeAll(async () => {
    authority = await Authority.create();
    image = await buildImage({ layers: [{ 'etc/': '', 'etc/motd': 'one' }] });
  });
  afterAll(() => authority[Symbol.asyncDispose]());
  beforeEach(async () => void (room = await Room.open()));
  afterEach(() => room[Symbol.asyncDispose]());

  /** A registry that wants to see a certificate of the authority's, if told so. */
  const start = async (wantsClient = false) => {
    const pair = await authority.serverCertificate('127.0.0.1');
    const client = wantsClient ? { ca: authority.certificate, requestCert: true, rejectUnauthorized: true } : {};
    const registry = await FakeRegistry.start({ ...pair, ...client });
    registry.serve('app', 'latest', image);
    return registry;
  };
  const pull = async (registry: FakeRegistry) => {
    const { id } = await room.images.pull(`${registry.host}/app`, undefined);
    await room.images.remove(id);
    return id;
  };

  test('trust the host’s authorities from the next pull on, and no longer when they are gone', async () => {
    await using registry = await start();
    await expect(pull(registry)).rejects.toMatchObject({
      code: 'registry-unreachable',
      message: expect.stringMatching(
        new RegExp(`certificate is of an unknown authority.*certs.d/${registry.host}/.*\\.crt`),
      ) as string,
    });
    await room.certificate(registry.host, { 'ca.crt': authority.certificate });
    expect(await pull(registry)).toBe(image.config.digest);
    await using other = await Authority.create('another');
    await room.certificate(registry.host, { 'ca.crt': other.certificate });
    await expect(pull(registry)).rejects.toMatchObject({ code: 'registry-unreachable' });
    expect(await room.remains()).toEqual([]);
  });

  test('show the host its client certificate, and a new one when it has changed', async () => {
    await using registry = await start(true);
    await room.certificate(registry.host, { 'ca.crt': authority.certificate });
    await expect(pull(registry)).rejects.toMatchObject({ code: 'registry-unreachable' });
    for (const name of ['first', 'second']) {
      const { key, cert } = await authority.clientCertificate(name);
      await room.certificate(registry.host, { 'me.cert': cert, 'me.key': key });
      expect(await pull(registry)).toBe(image.config.digest);
      expect(new Set(registry.seen.splice(0).map(({ client }) => client))).toEqual(new Set([name]));
    }
  });

  test('are not made with a key of another certificate', async () => {
    await using registry = await start(true);
    const [one, two] = [await authority.clientCertificate('one'), await authority.clientCertificate('two')];
    await room.certificate(registry.host, { 'ca.crt': authority.certificate, 'me.cert': one.cert, 'me.key': two.key });
    await expect(pull(registry)).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining(join('certs.d', registry.host)) as string,
    });
  });

  test('to where a registry sends trust its authorities, but are not shown its client certificate', async () => {
    await using registry = await start(true);
    await using storage = await start();
    await using strict = await start(true);
    const { key, cert } = await authority.clientCertificate('node');
    await room.certificate(registry.host, { 'ca.crt': authority.certificate, 'me.cert': cert, 'me.key': key });
    const sendTo = (place: FakeRegistry) =>
      registry.on(/blobs/, (request, response) => {
        response.writeHead(307, { location: `https://${place.host}${request.url ?? ''}` }).end();
      });
    sendTo(storage);
    expect(await pull(registry)).toBe(image.config.digest);
    expect(storage.seen.map(({ client }) => client)).toEqual([undefined, undefined]);
    sendTo(strict);
    await expect(pull(registry)).rejects.toMatchObject({ code: 'registry-unreachable' });
    // A folder of its own says otherwise.
    await room.certificate(strict.host, { 'ca.crt': authority.certificate, 'me.cert': cert, 'me.key': key });
    expect(await pull(registry)).toBe(image.config.digest);
  });
});
