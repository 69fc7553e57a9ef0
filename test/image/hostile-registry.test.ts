import { randomBytes } from 'node:crypto';
import { blobOf, buildImage, type BuiltImage, jsonBlob, manifestOf } from '../support/image-builder';
import { FakeRegistry } from './support/fake-registry';
import { criAuth, insecure, Room } from './support/room';

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

async function failure(reference = name, auth?: ReturnType<typeof criAuth>): Promise<unknown> {
  const error: unknown = await room.images.pull(reference, auth).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(await room.remains()).toEqual([]);
  return error;
}

function flipped(bytes: Buffer): Buffer {
  const other = Buffer.from(bytes);
  other.writeUInt8(other.readUInt8(other.length - 5) ^ 1, other.length - 5);
  return other;
}

const big = () => image.layers[1] ?? image.config;

describe('altered content is refused with both digests and leaves nothing', () => {
  test('a layer of the same size', async () => {
    const layer = big();
    const altered = blobOf(flipped(layer.bytes));
    registry.put(`blobs/${layer.digest}`, 'app', altered);
    const error = await failure();
    expect(error).toMatchObject({ code: 'digest-mismatch' });
    expect(String(error)).toContain(layer.digest);
    expect(String(error)).toContain(altered.digest);
  });

  test('a layer that is longer, and one that is shorter', async () => {
    const layer = big();
    registry.put(`blobs/${layer.digest}`, 'app', blobOf(Buffer.concat([layer.bytes, Buffer.alloc(9)])));
    expect(await failure()).toMatchObject({ code: 'digest-mismatch' });
    registry.put(`blobs/${layer.digest}`, 'app', blobOf(layer.bytes.subarray(0, -9)));
    expect(await failure()).toMatchObject({ code: 'digest-mismatch' });
  });

  test('a layer whose diff id is another', async () => {
    const config = jsonBlob({
      architecture: 'amd64',
      os: 'linux',
      rootfs: {
        type: 'layers',
        diff_ids: image.layers.map(({ diffId }, at) => (at === 1 ? `sha256:${'7'.repeat(64)}` : diffId)),
      },
    });
    registry.serve('app', 'latest', { layers: image.layers, config, manifest: manifestOf(config, image.layers) });
    const error = await failure();
    expect(error).toMatchObject({ code: 'digest-mismatch' });
    expect(String(error)).toContain('7777');
    expect(String(error)).toContain(image.layers[1]?.diffId);
  });

  test('a configuration', async () => {
    const altered = blobOf(flipped(image.config.bytes));
    registry.put(`blobs/${image.config.digest}`, 'app', altered);
    const error = await failure();
    expect(error).toMatchObject({ code: 'digest-mismatch' });
    expect(String(error)).toContain(image.config.digest);
    expect(String(error)).toContain(altered.digest);
  });

  test('a manifest asked for by digest, and one that is not what its header says', async () => {
    const altered = blobOf(Buffer.concat([image.manifest.bytes, Buffer.from(' ')]));
    registry.put(`manifests/${image.manifest.digest}`, 'app', altered);
    const error = await failure(`${registry.host}/app@${image.manifest.digest}`);
    expect(error).toMatchObject({ code: 'digest-mismatch' });
    expect(String(error)).toContain(image.manifest.digest);
    expect(String(error)).toContain(altered.digest);
    registry.put('manifests/latest', 'app', { bytes: altered.bytes, digest: image.manifest.digest });
    expect(await failure()).toMatchObject({ code: 'digest-mismatch' });
  });
});

describe('answers that no registry gives', () => {
  test('a web page is told with its address, status and first bytes', async () => {
    registry.on(/manifests/, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html><title>Please log in to the WiFi</title>');
    });
    const error = await failure();
    expect(error).toMatchObject({ code: 'registry-protocol' });
    expect(String(error)).toContain(`http://${registry.host}/v2/app/manifests/latest: status 200`);
    expect(String(error)).toContain('<html><title>Please log in');
    registry.on(/manifests/, (_, response) => {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<html>no such page');
    });
    expect(await failure()).toMatchObject({ code: 'registry-protocol' });
  });

  test('a manifest without end is not read to its end', async () => {
    let sent = 0;
    registry.on(/manifests/, (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, ' '))) sent += 64 * 1024;
      };
      response.on('drain', more);
      more();
    });
    expect(await failure()).toMatchObject({ code: 'registry-protocol' });
    expect(sent).toBeLessThan(16 * 1024 * 1024);
  });

  test('documents that are both index and manifest, of schema 1, or no stack of archives', async () => {
    const manifest: unknown = JSON.parse(image.manifest.bytes.toString());
    const cases = [
      [{ ...(manifest as object), manifests: [] }, 'manifest-invalid'],
      [{ schemaVersion: 1, fsLayers: [] }, 'image-unsupported'],
      [
        {
          ...(manifest as object),
          layers: [{ mediaType: 'text/plain', digest: image.config.digest, size: 2 }],
        },
        'image-unsupported',
      ],
      [{ schemaVersion: 2 }, 'manifest-invalid'],
      [[], 'manifest-invalid'],
    ] as const;
    for (const [document, code] of cases) {
      registry.put('manifests/latest', 'app', jsonBlob(document), 'application/vnd.oci.image.manifest.v1+json');
      expect(await failure()).toMatchObject({ code });
    }
  });

  test('redirects without end', async () => {
    registry.on(/manifests/, (request, response) => void response.writeHead(307, { location: request.url }).end());
    expect(await failure()).toMatchObject({ code: 'registry-protocol' });
    expect(registry.count(/manifests/)).toBe(11);
  });
});

describe('authentication', () => {
  test('a 401 that no token ends is given up, and the secret is not told', async () => {
    registry.on(/^\/token/, (_, response) => void response.end('{"token":"token-that-does-not-help"}'));
    registry.on(/manifests/, (_, response) => {
      const challenge = `Bearer realm="http://${registry.host}/token",service="s",scope="repository:app:pull"`;
      response
        .writeHead(401, { 'www-authenticate': challenge })
        .end('{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}');
    });
    const error = await failure(name, criAuth({ username: 'u', password: 'very-secret' }));
    expect(error).toMatchObject({ code: 'registry-denied' });
    expect(String(error)).not.toMatch(/very-secret|token-that/);
    expect(registry.count(/manifests/)).toBeLessThanOrEqual(3);
    expect(registry.count(/token/)).toBeLessThanOrEqual(2);
  });

  test('a redirect to another host is followed without the Authorization', async () => {
    await using blobs = await FakeRegistry.start();
    blobs.serve('app', 'latest', image);
    registry.on(/blobs/, (request, response) => {
      if (request.headers.authorization !== 'Bearer t') return void response.writeHead(401).end();
      return void response.writeHead(307, { location: `http://${blobs.host}${request.url ?? ''}` }).end();
    });
    expect((await room.images.pull(name, criAuth({ registryToken: 't' }))).id).toBe(image.config.digest);
    expect(blobs.seen.length).toBe(3);
    for (const { headers } of blobs.seen) expect(headers.authorization).toBeUndefined();
  });

  test('the credentials of a pull do not go to a mirror on another domain', async () => {
    await using mirror = await FakeRegistry.start();
    for (const fake of [mirror, registry]) {
      fake.on(
        /^\/v2\/$/,
        (_, response) => void response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end(),
      );
      fake.on(/app/, (request, response, body) => {
        if (request.headers.authorization?.startsWith('Basic ')) return void response.end(body);
        return void response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      });
    }
    await room.configure(
      `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n[[registry.mirror]]\nlocation = "${mirror.host}"\ninsecure = true\n`,
    );
    const pulled = await room.images.pull(name, criAuth({ username: 'u', password: 'p' }));
    expect(pulled.repoTags).toEqual([name]);
    expect(mirror.seen.length).toBeGreaterThan(0);
    for (const { headers } of mirror.seen) expect(headers.authorization).toBeUndefined();
  });
});

describe('broken connections', () => {
  test('a layer goes on where it broke off', async () => {
    let breaks = 0;
    registry.on(new RegExp(`blobs/${big().digest}`), (request, response, body) => {
      const from = Number(/bytes=([0-9]+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const range = { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` };
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': body.length - from, ...(from > 0 ? range : {}) });
      if (breaks++ >= 2) return void response.end(body.subarray(from));
      return void response.write(body.subarray(from, from + 1_200_000), () => response.destroy());
    });
    expect((await room.images.pull(name, undefined)).id).toBe(image.config.digest);
    const ranges = registry.seen.filter(({ path }) => path.includes(big().digest)).map(({ headers }) => headers.range);
    expect(ranges).toHaveLength(3);
    expect(ranges[0]).toBeUndefined();
    expect(ranges.slice(1).every((range) => /^bytes=[1-9][0-9]*-$/.test(range ?? ''))).toBe(true);
  });

  test('one that always breaks off is given up', async () => {
    registry.on(new RegExp(`blobs/${big().digest}`), (_, response, body) => {
      response.writeHead(200, { 'content-length': body.length });
      response.write(body.subarray(0, 1000), () => response.destroy());
    });
    expect(await failure()).toMatchObject({ code: 'registry-unreachable' });
    expect(registry.count(new RegExp(big().digest))).toBe(6);
  });

  test('throttling and server errors are waited for, in bounds', async () => {
    let asked = 0;
    registry.on(/manifests/, (_, response, body) => {
      const status = [429, 503, 200][asked++] ?? 200;
      response.writeHead(status, status === 429 ? { 'retry-after': '0' } : {}).end(status === 200 ? body : '');
    });
    expect((await room.images.pull(name, undefined)).id).toBe(image.config.digest);
    expect(asked).toBe(3);
    await room.images.remove(name);

    registry.on(/manifests/, (_, response) => void response.writeHead(429, { 'retry-after': '3600' }).end());
    expect(await failure()).toMatchObject({
      code: 'registry-throttled',
      message: expect.stringContaining('again after 3600') as string,
    });
    registry.seen.splice(0);
    registry.on(/manifests/, (_, response) => void response.writeHead(503).end());
    expect(await failure()).toMatchObject({ code: 'registry-unreachable' });
    expect(registry.count(/manifests/)).toBe(5);
  });
});
