import { status } from '@grpc/grpc-js';
import { daemonKind, environment } from '../support/environment';
import { images } from '../support/fixtures';
import { flipped, HostileRegistry, tampering, type Tamper } from '../support/hostile-registry';
import { snapshot } from '../support/leaks';
import { present } from '../support/cri';
import { rejection } from '../support/matchers';
import { spareDaemon } from '../support/spare-daemon';
import { berthTest, daemonUnderTest, expectNoLeaks, useWorld } from '../support/suite';

const suite = useWorld();
const berth = daemonKind() === 'berth';
const sha256 = /sha256:[0-9a-f]{64}/g;

const alter =
  (digest: string, change: (body: Buffer) => Buffer = flipped): Tamper =>
  (path, body) =>
    path.endsWith(digest) ? change(body) : body;

/** The error of a pull from a registry that alters what it serves. */
async function pullAltered(name: string, tamper: Tamper) {
  const { hostilePort, registry } = environment();
  const server = await HostileRegistry.start(hostilePort, registry, tampering(tamper));
  try {
    return await rejection(suite.world.cri.pull(`hostile.e2e.test/${name}`));
  } finally {
    await server.stop();
  }
}

/** Digests of manifest, config and layer of an image that is there to be altered. */
async function digestsOf(name: string) {
  const response = await fetch(`http://${environment().registry}/v2/hostile/${name}/manifests/single`, {
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
  });
  const manifest = (await response.json()) as { config: { digest: string }; layers: { digest: string }[] };
  return {
    manifest: response.headers.get('docker-content-digest') ?? '',
    config: manifest.config.digest,
    layer: present(manifest.layers[0]).digest,
  };
}

describe('what a registry alters is refused with the digests named', () => {
  let before: Awaited<ReturnType<typeof snapshot>> | undefined;
  beforeAll(async () => {
    const daemon = await daemonUnderTest();
    if (daemon && berth) before = await snapshot(daemon, true);
  });
  afterEach(async () => {
    expect((await suite.world.cri.listImages()).flatMap(({ repoTags }) => repoTags).join()).not.toContain('hostile');
    if (before) await expectNoLeaks(before, true);
  });

  const expectMismatch = ({ code, details }: Awaited<ReturnType<typeof rejection>>, digest: string) => {
    expect(details).toContain(digest);
    if (!berth) return;
    expect((details.match(sha256) ?? []).some((other) => other !== digest)).toBe(true);
    expect(code).toBe(status.DATA_LOSS);
  };

  test('a layer', async () => {
    const { layer } = await digestsOf('layer');
    expectMismatch(await pullAltered('hostile/layer:single', alter(layer)), layer);
  });

  test('a config', async () => {
    const { config } = await digestsOf('config');
    expectMismatch(await pullAltered('hostile/config:single', alter(config)), config);
  });

  test('a manifest that is pulled by digest', async () => {
    const { manifest } = await digestsOf('manifest');
    expectMismatch(await pullAltered(`hostile/manifest@${manifest}`, alter(manifest)), manifest);
  });

  test('a manifest behind an index', async () => {
    const { manifest } = await digestsOf('child');
    expectMismatch(await pullAltered('hostile/child:index', alter(manifest)), manifest);
  });

  berthTest('a layer that ends too early', async () => {
    const { layer } = await digestsOf('short');
    const cut = alter(layer, (body) => body.subarray(0, body.length - 10));
    const { code, details } = await pullAltered('hostile/short:single', cut);
    expect(details).toContain(layer);
    // It cannot be told from a connection that broke.
    expect([status.DATA_LOSS, status.UNKNOWN]).toContain(code);
  });
});

test('a registry that cannot be reached is named, with what to do', async () => {
  const error = await rejection(suite.world.cri.pull('unreachable.e2e.test/app:1'));
  expect(error.details).toContain('unreachable.e2e.test/app:1');
  expect(error.details).toContain('127.0.0.1:9');
  if (berth) {
    // Of another code the kubelet would not read the reason.
    expect(error.code).toBe(status.UNKNOWN);
    expect(error.details).toMatch(/^RegistryUnavailable: .*registries\.conf/);
  }
});

test('an image that the registry does not have is NOT_FOUND', async () => {
  const error = await rejection(suite.world.cri.pull('registry.e2e.test/not-there:1'));
  expect(error.code).toBe(status.NOT_FOUND);
  expect(error.details).toContain('registry.e2e.test/not-there:1');
});

test('an image for another platform is refused', async () => {
  const error = await rejection(suite.world.cri.pull('registry.e2e.test/foreign:1'));
  if (berth) expect(error.code).toBe(status.FAILED_PRECONDITION);
  if (berth) expect(error.details).toMatch(/linux\/\w+/);
});

test('a name that is none is INVALID_ARGUMENT', async () => {
  const error = await rejection(suite.world.cri.pull('registry.e2e.test/UPPER CASE'));
  if (berth) expect(error.code).toBe(status.INVALID_ARGUMENT);
});

test('an image without a command says what to set, and leaves no container', async () => {
  const { world } = suite;
  await world.cri.pull(images.noCommand);
  const pod = await world.runPod(world.podConfig({ host: true }));
  const error = await rejection(world.create({ imageName: images.noCommand, command: [] }, pod));
  expect(error.details).toMatch(/command/);
  if (berth) {
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toMatch(/Entrypoint|Cmd/);
  }
  expect(await world.cri.listContainers({ id: '', state: undefined, podSandboxId: pod.id, labelSelector: {} })).toEqual(
    [],
  );
});

test('an image that has not been pulled is refused by name', async () => {
  const { world } = suite;
  const pod = await world.runPod(world.podConfig({ host: true }));
  const error = await rejection(world.create({ imageName: 'registry.e2e.test/never-pulled:1' }, pod));
  expect(error.details).toContain('registry.e2e.test/never-pulled:1');
  if (berth) expect(error.code).toBe(status.NOT_FOUND);
});

// containerd 1.6 leaves the pod's network namespace here, and below.
berthTest('without a network configuration Status says so and a pod is refused', async () => {
  await using spare = await spareDaemon({ network: false });
  const { cri } = spare.world;
  const condition = (await cri.status()).status?.conditions.find(({ type }) => type === 'NetworkReady');
  expect(condition).toMatchObject({ status: false, reason: 'NetworkPluginNotReady' });
  const error = await rejection(cri.runPod(spare.world.podConfig(), '', { deadlineMs: 5_000 }));
  expect(error.code).toBe(status.FAILED_PRECONDITION);
  expect(error.details).toContain(spare.daemon.layout.cniConfDir);
  expect(await cri.listPods()).toEqual([]);
});

berthTest('without an OCI runtime the program is named, and nothing is left', async () => {
  await using spare = await spareDaemon({ runtime: '/nowhere/runc' });
  const { world } = spare;
  await world.cri.pull(images.busybox);
  const error = await rejection(world.start());
  expect(error.code).toBe(status.FAILED_PRECONDITION);
  expect(error.details).toContain('/nowhere/runc');
  const condition = (await world.cri.status()).status?.conditions.find(({ type }) => type === 'RuntimeReady');
  expect(condition?.status).toBe(false);
  expect(condition?.message).toContain('/nowhere/runc');
});
