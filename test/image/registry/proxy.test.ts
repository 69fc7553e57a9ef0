import { readEnvironment } from '../../../src/config';
import { parseNoProxy } from '../../../src/image/registry/proxy/no-proxy';
import { proxiesOf } from '../../../src/image/registry/proxy/proxies';
import { buildImage, type BuiltImage } from '../../support/image-builder';
import { TestProxy } from '../../support/proxy';
import { FakeRegistry } from '../support/fake-registry';
import { insecure, Room } from '../support/room';
import { Authority } from '../../support/authority';

test.each([
  ['', 'https://a.b', false],
  ['*', 'https://a.b', true],
  ['a.b', 'https://a.b/v2/', true],
  ['a.b', 'https://x.A.B', true],
  ['a.b', 'https://xa.b', false],
  ['.a.b', 'https://a.b', false],
  ['.a.b', 'https://x.a.b', true],
  ['*.a.b', 'https://x.a.b', true],
  ['*.a.b', 'https://a.b', false],
  ['x, A.b ,y', 'https://a.b', true],
  ['x a.b', 'https://a.b', true],
  ['a.b:443', 'https://a.b', true],
  ['a.b:80', 'http://a.b', true],
  ['a.b:5000', 'https://a.b', false],
  ['10.0.0.0/8', 'http://10.1.2.3:5000', true],
  ['10.0.0.0/8', 'http://11.1.2.3', false],
  ['10.0.0.0/8', 'http://10.example.com', false],
  ['10.0.0.0/99', 'http://10.1.2.3', false],
  ['10.1.2.3', 'https://10.1.2.3', true],
  ['10.1.2.3:443', 'https://10.1.2.3:5000', false],
  ['fd00::/8', 'https://[fd00::1]:5000', true],
  ['fd00::1', 'https://[fd00:0::1]', true],
  ['[fd00::1]', 'https://[fd00::1]', true],
  ['[fd00::1]:443', 'https://[fd00::1]', true],
  ['[fd00::1]:443', 'https://[fd00::1]:5000', false],
  ['', 'http://localhost:5000', true],
  ['', 'http://127.8.9.1', true],
  ['', 'http://[::1]:5000', true],
])('NO_PROXY=%s, %s goes straight: %s', (text, url, straight) => {
  expect(parseNoProxy(text)(new URL(url))).toBe(straight);
});

test('each scheme has its proxy, from either case of the variable, the upper one first', () => {
  const choose = proxiesOf(
    readEnvironment({ HTTP_PROXY: 'up:3128', http_proxy: 'low:1', https_proxy: 'http://u:p@s:1', no_proxy: 'x.y' })
      .proxy,
  );
  expect(choose(new URL('http://a.b'))?.href).toBe('http://up:3128/');
  expect(choose(new URL('https://a.b'))?.host).toBe('s:1');
  expect(choose(new URL('https://x.y'))).toBeUndefined();
  expect(proxiesOf(readEnvironment({}).proxy)(new URL('http://a.b'))).toBeUndefined();
  expect(proxiesOf({ http: 'p', https: '', no: '' })(new URL('https://a.b'))).toBeUndefined();
});

test.each(['socks5://p:1', 'ftp://p', 'http://', 'http://user:SECRET@p:port'])(
  '%s is refused without its text',
  (text) => {
    const wrong = () => proxiesOf({ http: '', https: text, no: '' });
    expect(wrong).toThrow(/HTTPS_PROXY: it is not an http or https address/);
    expect(wrong).not.toThrow(/SECRET|p:1/);
  },
);

describe('a proxy between', () => {
  let image: BuiltImage;
  let proxy: TestProxy;
  beforeAll(async () => {
    image = await buildImage({ layers: [{ 'etc/': '', 'etc/motd': 'one' }] });
  });
  beforeEach(async () => void (proxy = await TestProxy.start()));
  afterEach(() => proxy[Symbol.asyncDispose]());

  const environment = (url: string) =>
    readEnvironment({ HTTP_PROXY: url, HTTPS_PROXY: url, PATH: process.env['PATH'] });

  test('takes http requests whole and https in a tunnel, each with its credentials', async () => {
    const authority = await Authority.create();
    await using plain = await FakeRegistry.start();
    await using secure = await FakeRegistry.start(await authority.serverCertificate('registry.test'));
    for (const registry of [plain, secure]) registry.serve('app', 'latest', image);
    proxy.lead('plain.test:80', plain.host);
    proxy.lead('registry.test:443', secure.host);
    await using room = await Room.open({
      registries: insecure('plain.test'),
      environment: environment(`http://user:word@${proxy.host}`),
    });
    await room.certificate('registry.test', { 'ca.crt': authority.certificate });

    expect((await room.images.pull('plain.test/app', undefined)).id).toBe(image.config.digest);
    expect(proxy.seen.slice(0, 3)).toEqual([
      'CONNECT plain.test:443',
      'GET http://plain.test/v2/',
      'GET http://plain.test/v2/app/manifests/latest',
    ]);
    await room.images.remove('plain.test/app');
    proxy.seen.splice(0);
    expect((await room.images.pull('registry.test/app', undefined)).id).toBe(image.config.digest);
    expect(new Set(proxy.seen)).toEqual(new Set(['CONNECT registry.test:443']));
    expect(proxy.authorizations).toEqual(new Set([`Basic ${Buffer.from('user:word').toString('base64')}`]));
    await authority[Symbol.asyncDispose]();
  });

  test('in TLS has to be known to the system’s authorities', async () => {
    await using authority = await Authority.create();
    await using secure = await TestProxy.start(await authority.serverCertificate('localhost'));
    await using plain = await FakeRegistry.start();
    plain.serve('app', 'latest', image);
    secure.lead('plain.test:80', plain.host);
    const pulled = async (caFile: string | undefined) => {
      const variables = {
        HTTP_PROXY: `https://${secure.host.replace('127.0.0.1', 'localhost')}`,
        PATH: process.env['PATH'],
        SSL_CERT_FILE: caFile,
      };
      await using room = await Room.open({
        registries: insecure('plain.test'),
        environment: readEnvironment(variables),
      });
      return (await room.images.pull('plain.test/app', undefined)).id;
    };
    await expect(pulled(undefined)).rejects.toThrow(/certificate .*system's authorities/);
    expect(secure.seen).toEqual([]);
    expect(await pulled(authority.file)).toBe(image.config.digest);
    expect(secure.seen).toContain('CONNECT plain.test:80');
  });

  test('that refuses is named in the error, its credentials are not', async () => {
    await using room = await Room.open({
      registries: insecure('plain.test'),
      environment: environment(`http://user:SECRET@${proxy.host}`),
    });
    const error: unknown = await room.images.pull('registry.test/app', undefined).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'registry-unreachable' });
    expect(String(error)).toMatch(
      new RegExp(`registry.test/v2/: through the proxy http://${proxy.host}: .*502.*HTTPS_PROXY`),
    );
    expect(String(error)).not.toContain('SECRET');
  });

  test('is not used for loopback', async () => {
    await using registry = await FakeRegistry.start();
    registry.serve('app', 'latest', image);
    await using room = await Room.open({
      registries: insecure(registry.host),
      environment: environment(`http://${proxy.host}`),
    });
    expect((await room.images.pull(`${registry.host}/app`, undefined)).id).toBe(image.config.digest);
    expect(proxy.seen).toEqual([]);
  });
});
