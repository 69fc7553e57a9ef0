import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { TestProxy } from '../../test/support/proxy';
import { HostileRegistry } from '../support/hostile-registry';
import { freePort } from '../support/machine';
import { rejection } from '../support/matchers';
import { Registries } from '../support/registries';
import type { Registry } from '../support/registry';
import { type SpareDaemon, spareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';

/** Nothing listens there. */
const dead = '127.0.0.1:9';

berthOnly('mirrors, proxies and names', () => {
  let registries: Registries;
  let cache: Registry;
  let spare: SpareDaemon;
  let proxy: TestProxy;
  let mirrorPort: number;
  let id: string;

  const entry = (prefix: string, location: string, more = '', ...mirrors: string[]) =>
    [
      `[[registry]]\nprefix = "${prefix}"\nlocation = "${location}"\ninsecure = true\n${more}`,
      ...mirrors.map((mirror) => `[[registry.mirror]]\nlocation = "${mirror}"\ninsecure = true`),
    ].join('\n');

  beforeAll(async () => {
    registries = await Registries.start();
    id = registries.image.config.digest;
    cache = await registries.plain({ cacheOf: `http://${registries.origin.address}` });
    proxy = await TestProxy.start();
    proxy.lead('proxied.e2e.test:80', registries.origin.address);
    mirrorPort = await freePort();
    const origin = registries.origin.address;
    spare = await spareDaemon({
      network: false,
      env: {
        HTTP_PROXY: `http://${proxy.host}`,
        https_proxy: `http://${proxy.host}`,
        NO_PROXY: '10.0.0.0/8,.straight.test',
      },
      registries: [
        'unqualified-search-registries = ["one.e2e.test", "two.e2e.test/team"]',
        '[aliases]\nmine = "alias.e2e.test/app"',
        entry('cached.e2e.test', dead, '', cache.address),
        entry('asking.e2e.test', origin, '', `127.0.0.1:${mirrorPort}`),
        entry('digest.e2e.test', dead, 'mirror-by-digest-only = true', origin),
        entry('*.wild.e2e.test', origin),
        entry('alias.e2e.test', origin),
        entry('proxied.e2e.test', 'proxied.e2e.test'),
        entry('team.e2e.test/deep/down', `${origin}`),
        '[[registry]]\nprefix = "team.e2e.test/deep"\nblocked = true',
      ].join('\n'),
    });
  });
  afterAll(async () => {
    await spare[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    await registries[Symbol.asyncDispose]();
  });

  /** Pulls, compares the tag, removes. */
  const pulls = async (name: string, tag = name) => {
    const { cri } = spare.world;
    expect(await cri.pull(name)).toBe(id);
    expect((await cri.listImages()).map(({ repoTags }) => repoTags)).toEqual([name.includes('@') ? [] : [tag]]);
    await cri.removeImage(id);
  };

  test('a pull-through cache serves what its upstream has, and keeps it', async () => {
    await pulls('cached.e2e.test/app:1');
    const kept = await readdir(join(cache.data, 'docker/registry/v2/blobs/sha256'), { recursive: true });
    for (const { digest } of registries.image.layers) expect(kept.join()).toContain(digest.replace('sha256:', ''));
    const error = await rejection(spare.world.cri.pull('cached.e2e.test/nope:1'));
    expect(error.details).toMatch(new RegExp(`${cache.address}: .*status 404.*; ${dead}: .*connection refused`));
    expect(error.code).toBe(status.UNKNOWN);
  });

  test('a mirror that refuses does not see CRI’s credentials; the registry serves', async () => {
    const mirror = await HostileRegistry.start(mirrorPort, registries.origin.address, (_, response) =>
      Boolean(response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end()),
    );
    const none = { username: '', password: '', auth: '', serverAddress: '', identityToken: '', registryToken: '' };
    try {
      const auth = { ...none, username: 'u', password: 'p' };
      expect(await spare.world.cri.pull('asking.e2e.test/app:1', auth)).toBe(id);
      expect(mirror.seen.map(({ path }) => path)).toEqual(['']);
      for (const { headers } of mirror.seen) expect(headers.authorization).toBeUndefined();
    } finally {
      await mirror.stop();
    }
    await spare.world.cri.removeImage(id);
  });

  test('a mirror by digest only is not asked for a tag', async () => {
    await pulls(`digest.e2e.test/app@${registries.image.manifest.digest}`);
    const error = await rejection(spare.world.cri.pull('digest.e2e.test/app:1'));
    expect(error.code).toBe(status.UNKNOWN);
    expect(error.details).toContain(`https://${dead}`.replace('https', 'http'));
  });

  test('a wildcard, a longer prefix, a blocked one', async () => {
    await pulls('any.wild.e2e.test/app:1');
    await pulls('team.e2e.test/deep/down/app:1');
    const error = await rejection(spare.world.cri.pull('team.e2e.test/deep/app:1'));
    expect(error.code).toBe(status.PERMISSION_DENIED);
    expect(error.details).toMatch(/blocks team\.e2e\.test\/deep.*registries\.conf/);
  });

  test('an alias is taken; a short name that may mean more than one lists them and the fix', async () => {
    await pulls('mine:1', 'alias.e2e.test/app:1');
    const error = await rejection(spare.world.cri.pull('app:1'));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toContain('one.e2e.test/app:1 or two.e2e.test/team/app:1');
    expect(error.details).toMatch(/full name.*alias.*registries\.conf/);
  });

  test('the proxy of the environment, for all but loopback', async () => {
    expect(proxy.seen).toEqual([]);
    await pulls('proxied.e2e.test/app:1');
    expect(proxy.seen).toContain('GET http://proxied.e2e.test/v2/app/manifests/1');
    const error = await rejection(spare.world.cri.pull('elsewhere.e2e.test/app:1'));
    expect(error.code).toBe(status.UNKNOWN);
    expect(error.details).toMatch(new RegExp(`https://elsewhere.e2e.test/v2/: through the proxy http://${proxy.host}`));
  });
});
