import type { ServerResponse } from 'node:http';
import { status } from '@grpc/grpc-js';
import { freePort } from '../support/machine';
import { type Answer, type Asked, flipped, HostileRegistry, tampering } from '../support/hostile-registry';
import { snapshot } from '../support/leaks';
import { rejection } from '../support/matchers';
import { Registries } from '../support/registries';
import { type SpareDaemon, spareDaemon } from '../support/spare-daemon';
import { berthOnly, expectNoLeaks } from '../support/suite';
import { until } from '../support/wait';
import { slow } from '../../test/slow.cjs';

/** Until a registry without progress is given up. Seconds. */
const patience = Math.ceil(2 * slow);

berthOnly('a registry that misbehaves', () => {
  let registries: Registries;
  let spare: SpareDaemon;
  let port: number;
  let before: Awaited<ReturnType<typeof snapshot>>;
  /** Digests of config, manifest and the long layer. */
  let config: string;
  let manifest: string;
  let layer: string;
  let size: number;

  beforeAll(async () => {
    registries = await Registries.start();
    port = await freePort();
    spare = await spareDaemon({
      network: false,
      config: `[image]\npull_progress_timeout = ${patience}\n`,
      registries: `[[registry]]\nlocation = "127.0.0.1:${port}"\ninsecure = true\n`,
    });
    const { image } = registries;
    config = image.config.digest;
    manifest = image.manifest.digest;
    layer = image.layers[1]?.digest ?? '';
    size = image.layers[1]?.bytes.length ?? 0;
    // What a daemon opens on first use is there before the first comparison.
    await against(
      () => false,
      async () => spare.world.cri.removeImage(await spare.world.cri.pull(name())),
    );
    before = await snapshot(spare.daemon, true);
  });
  afterAll(async () => {
    await spare[Symbol.asyncDispose]();
    await registries[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    expect(await spare.world.cri.listImages()).toEqual([]);
    await expectNoLeaks(before, true, spare.daemon);
  });

  const name = (version = ':1') => `127.0.0.1:${port}/app${version}`;
  const url = (path: string) => `http://127.0.0.1:${port}/v2/app/${path}`;

  async function against<T>(answer: Answer, work: (hostile: HostileRegistry) => Promise<T>): Promise<T> {
    const hostile = await HostileRegistry.start(port, registries.origin.address, answer);
    try {
      return await work(hostile);
    } finally {
      await hostile.stop();
    }
  }

  const on =
    (path: string, act: (response: ServerResponse, asked: Asked) => void): Answer =>
    (asked, response) => {
      if (!asked.path.includes(path)) return false;
      act(response, asked);
      return true;
    };
  const fromOf = ({ headers }: Asked) => Number(/bytes=([0-9]+)-/.exec(headers.range ?? '')?.[1] ?? 0);
  const html = '<html><title>Please log in to the WiFi</title>';

  /** What it does, how the pull ends, and what the error has to say: the address, the cause and what to do. */
  const cases: [string, () => Answer, status, () => (string | RegExp)[]][] = [
    [
      'a manifest that is not what its header says',
      () => tampering((path, body) => (path.includes('manifests/') ? Buffer.concat([body, Buffer.from(' ')]) : body)),
      status.DATA_LOSS,
      () => [manifest, url('manifests/1'), 'pull again'],
    ],
    [
      'a config of another digest',
      () => tampering((path, body) => (path.endsWith(config) ? flipped(body) : body)),
      status.DATA_LOSS,
      () => [config, url(`blobs/${config}`), 'pull again'],
    ],
    [
      'a layer of another digest',
      () => tampering((path, body) => (path.endsWith(layer) ? flipped(body) : body)),
      status.DATA_LOSS,
      () => [layer, 'pull again'],
    ],
    [
      'a layer of another length',
      () => tampering((path, body) => (path.endsWith(layer) ? body.subarray(7) : body)),
      status.DATA_LOSS,
      () => [layer, url(`blobs/${layer}`), `serves ${size - 7} bytes, the manifest names ${size}`, 'pull again'],
    ],
    [
      'a web page in place of a manifest',
      () => on('manifests/', (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(html)),
      status.UNAVAILABLE,
      () => [url('manifests/1'), 'status 200', '<html><title>Please log in', 'a proxy or a portal'],
    ],
    [
      'a web page that says 404',
      () => on('manifests/', (response) => void response.writeHead(404, { 'content-type': 'text/html' }).end(html)),
      status.UNAVAILABLE,
      () => [url('manifests/1'), 'status 404', 'a proxy or a portal'],
    ],
    [
      'words of no image',
      () =>
        on('manifests/', (response) => {
          response.writeHead(404).end('{"errors":[{"code":"UNKNOWN","message":"Not Found\\u001b[31m"}]}');
        }),
      status.NOT_FOUND,
      () => [url('manifests/1'), 'UNKNOWN: Not Found [31m', 'check repository and tag'],
    ],
    [
      'a refusal of every token',
      () => (asked, response) => {
        if (asked.path.includes('token')) return Boolean(response.end('{"token":"secret-token"}'));
        if (!asked.path.includes('manifests/')) return false;
        response.setHeader('www-authenticate', `Bearer realm="http://127.0.0.1:${port}/token",service="s"`);
        return Boolean(response.writeHead(401).end());
      },
      status.UNAUTHENTICATED,
      () => [url('manifests/1'), 'status 401', 'imagePullSecrets'],
    ],
    [
      'a manifest without end',
      () =>
        on('manifests/', (response) => {
          const more = () => {
            while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, ' ')));
          };
          response.on('drain', more);
          more();
        }),
      status.UNAVAILABLE,
      () => [url('manifests/1'), 'longer than 4194304 bytes'],
    ],
    [
      'a manifest of the first schema',
      () => on('manifests/', (response) => void response.end('{"schemaVersion":1,"fsLayers":[]}')),
      status.FAILED_PRECONDITION,
      () => ['schema 1', 'push the image again'],
    ],
    [
      'redirects without end',
      () => on('manifests/', (response, { path }) => void response.writeHead(302, { location: `/v2/${path}` }).end()),
      status.UNAVAILABLE,
      () => [url('manifests/1'), 'more than 10 redirects'],
    ],
    [
      'a layer that breaks off at the same place again and again',
      () =>
        on(layer, (response, { body }) => {
          response.writeHead(200, { 'content-length': size });
          response.write(body.subarray(0, 100_000), () => response.destroy());
        }),
      status.UNKNOWN,
      () => [layer, url(`blobs/${layer}`), 'broke off 6 times', 'check network'],
    ],
    [
      'a range that was not asked for',
      () =>
        on(layer, (response, asked) => {
          const from = fromOf(asked);
          if (from > 0) return void response.writeHead(206, { 'content-range': `bytes 0-9/${size}` }).end('0123456789');
          response.writeHead(200, { 'content-length': size });
          return void response.write(asked.body.subarray(0, 100_000), () => response.destroy());
        }),
      status.UNAVAILABLE,
      () => [url(`blobs/${layer}`), /asked for bytes from [0-9]+ on, it answers \\?"bytes 0-9/],
    ],
    [
      'a layer that drips',
      () =>
        on(layer, (response, { body }) => {
          response.writeHead(200, { 'content-length': size });
          let at = 0;
          const drip = setInterval(() => response.write(body.subarray(at, ++at)), 50);
          response.on('close', () => clearInterval(drip));
        }),
      status.UNKNOWN,
      () => [
        `127.0.0.1:${port}`,
        new RegExp(`it made no progress: [0-9]+ bytes came in ${patience} s`),
        'pull_progress_timeout',
      ],
    ],
    [
      'a limit that lasts an hour',
      () => on('manifests/', (response) => void response.writeHead(429, { 'retry-after': '3600' }).end()),
      status.RESOURCE_EXHAUSTED,
      () => [url('manifests/1'), 'status 429', 'again after 3600', 'a mirror or credentials'],
    ],
  ];

  test.each(cases)('%s', async (_what, answer, code, words) => {
    const error = await against(answer(), () => rejection(spare.world.cri.pull(name())));
    expect(error.details).toContain(name());
    for (const word of words())
      expect(error.details).toMatch(typeof word === 'string' ? new RegExp(escaped(word)) : word);
    expect(error.details).not.toMatch(/secret-token|\u001b/);
    expect(error.code).toBe(code);
  });

  test('a layer that breaks off once goes on where it was', async () => {
    let broke = false;
    const answer = on(layer, (response, asked) => {
      const from = fromOf(asked);
      if (broke) {
        const range = { 'content-range': `bytes ${from}-${size - 1}/${size}` };
        return void response.writeHead(206, range).end(asked.body.subarray(from));
      }
      broke = true;
      response.writeHead(200, { 'content-length': size });
      return void response.write(asked.body.subarray(0, 1_000_000), () => response.destroy());
    });
    await against(answer, async ({ seen }) => {
      expect(await spare.world.cri.pull(name())).toBe(config);
      const ranges = seen.filter(({ path }) => path.includes(layer)).map(({ headers }) => headers.range);
      expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9][0-9]*-$/)]);
    });
    await spare.world.cri.removeImage(name());
  });

  test('a limit that passes is waited for', async () => {
    let asked = 0;
    const answer: Answer = ({ path }, response) => {
      if (!path.includes('manifests/') || asked++ > 0) return false;
      const soon = new Date(Date.now() + 1000).toUTCString();
      return Boolean(response.writeHead(429, { 'retry-after': soon }).end());
    };
    await against(answer, async () => expect(await spare.world.cri.pull(name())).toBe(config));
    expect(asked).toBe(2);
    await spare.world.cri.removeImage(name());
  });

  test('redirects to another host, which does not see the credentials', async () => {
    const other = await HostileRegistry.start(await freePort(), registries.origin.address, () => false);
    const answer: Answer = ({ path, headers }, response) => {
      if (headers.authorization === undefined) {
        return Boolean(response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end());
      }
      if (!path.includes('blobs/')) return false;
      return Boolean(response.writeHead(307, { location: `http://${other.address}/v2/${path}` }).end());
    };
    const auth = {
      username: 'u',
      password: 'p',
      auth: '',
      serverAddress: '',
      identityToken: '',
      registryToken: '',
    };
    try {
      await against(answer, async () => expect(await spare.world.cri.pull(name(), auth)).toBe(config));
      expect(other.seen).toHaveLength(3);
      for (const { headers } of other.seen) expect(headers.authorization).toBeUndefined();
    } finally {
      await other.stop();
    }
    await spare.world.cri.removeImage(name());
  });

  test('a caller that gives up on a silent registry is answered at once; the pull ends by itself', async () => {
    const silent = on(layer, (response) => void response.writeHead(200, { 'content-length': size }).flushHeaders());
    await against(silent, async () => {
      const error = await rejection(spare.world.cri.pull(name(), undefined, { deadlineMs: 300 }));
      expect(error.code).toBe(status.DEADLINE_EXCEEDED);
      // The job outlives its caller, and is ended for want of progress: the next caller that joins it is told.
      const joined = await rejection(spare.world.cri.pull(name()));
      expect(joined.details).toContain('it made no progress');
    });
    await until('the pull to be over', async () => (await spare.world.cri.listImages()).length === 0);
  });
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
