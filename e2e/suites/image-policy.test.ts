import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { Gpg } from '../../test/support/gpg';
import { Skopeo } from '../../test/support/skopeo';
import { endDaemon, launch } from '../support/daemon';
import { environment } from '../support/environment';
import { rejection } from '../support/matchers';
import { type SpareDaemon, spareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';

berthOnly('signature policies', () => {
  let dir: string;
  let gpg: Gpg;
  let skopeo: Skopeo;
  let spare: SpareDaemon;

  const accept = [{ type: 'insecureAcceptAnything' }];
  const signed = 'registry.e2e.test/policy/signed:1';
  const unsigned = 'registry.e2e.test/policy/unsigned:1';
  const byAlice = () => [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: join(dir, 'alice.asc') }];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'berth-e2e-policy-'));
    [gpg, skopeo] = await Promise.all([Gpg.open(), Skopeo.open()]);
    const alice = await gpg.key('alice');
    await writeFile(join(dir, 'alice.asc'), await gpg.export(alice));
    const { registry } = environment();
    const copy = (to: string, identity: string) =>
      skopeo.signBy(
        alice,
        gpg.home,
        `${registry}/library/busybox:single`,
        `${registry}/${to}`,
        ...['--sign-identity', identity],
      );
    await copy('policy/signed:1', signed);
    // Signed too, but for another name.
    await copy('policy/unsigned:1', 'registry.e2e.test/policy/else:1');
    await mkdir(join(dir, 'registries.d'));
    await mkdir(join(dir, 'policies'));
    const places = { docker: { 'registry.e2e.test': { lookaside: `file://${skopeo.lookaside}` } } };
    await writeFile(join(dir, 'registries.d', 'e2e.yaml'), JSON.stringify(places));
    await writePolicy('policy.json', byAlice());
    spare = await spareDaemon({
      network: false,
      config: [
        '[image]',
        `signature_policy = "${join(dir, 'policy.json')}"`,
        `signature_policy_dir = "${join(dir, 'policies')}"`,
        `registries_d = "${join(dir, 'registries.d')}"\n`,
      ].join('\n'),
    });
  });
  afterAll(async () => {
    await spare[Symbol.asyncDispose]();
    await Promise.all([gpg[Symbol.asyncDispose](), skopeo[Symbol.asyncDispose]()]);
    await rm(dir, { recursive: true });
  });
  afterEach(async () => {
    await spare.world.clear();
    for (const { id } of await spare.world.cri.listImages()) await spare.world.cri.removeImage(id);
    await writePolicy('policy.json', byAlice());
  });

  /** As an editor does: another file takes its place. */
  async function writePolicy(name: string, requirements: readonly object[]) {
    const policy = { default: [{ type: 'reject' }], transports: { docker: { 'registry.e2e.test': requirements } } };
    await writeFile(join(dir, 'new'), JSON.stringify(policy));
    await rename(join(dir, 'new'), join(dir, name));
  }

  const podIn = (namespace: string) =>
    spare.world.podConfig({ host: true, metadata: { name: `in-${namespace}`, uid: namespace, namespace, attempt: 0 } });
  const pull = (name: string, namespace = 'e2e') => spare.world.cri.pull(name, undefined, undefined, podIn(namespace));
  const blobs = () => readdir(join(spare.daemon.layout.root, 'blobs/sha256'));

  /** A container as the kubelet asks for it: by id, with the name that the pod has. */
  async function create(imageId: string, name: string, namespace = 'e2e') {
    const pod = await spare.world.runPod(podIn(namespace));
    const config = spare.world.containerConfig({}, pod);
    const image = { image: imageId, annotations: {}, userSpecifiedImage: name, runtimeHandler: '', imageRef: '' };
    return spare.world.cri.create(pod.id, { ...config, image }, pod.config);
  }

  test('a signed image is pulled and runs, after a restart and without the lookaside too', async () => {
    const id = await pull(signed);
    await spare.world.cri.start(await create(id, signed));
    await spare.world.clear();
    await endDaemon(spare.daemon);
    spare.world.disconnect();
    await rename(skopeo.lookaside, `${skopeo.lookaside}-away`);
    try {
      Object.assign(spare.daemon, await launch(spare.daemon));
      spare.world.reconnect();
      await spare.world.cri.start(await create(id, signed));
    } finally {
      await rename(`${skopeo.lookaside}-away`, skopeo.lookaside);
    }
  });

  test('an image that is not signed as it should is refused in the kubelet’s words and leaves nothing', async () => {
    const error = await rejection(pull(unsigned));
    // Of any other code the kubelet would not read the reason.
    expect(error.code).toBe(status.UNKNOWN);
    expect(error.details).toMatch(/^SignatureValidationFailed: pull: registry\.e2e\.test\/policy\/unsigned:1: /);
    expect(error.details).toContain(join(dir, 'policy.json'));
    expect(error.details).toContain('registry.e2e.test/policy/else:1');
    expect(await spare.world.cri.listImages()).toEqual([]);
    expect(await blobs()).toEqual([]);
  });

  test('a registry that cannot be reached is told in the kubelet’s words', async () => {
    const error = await rejection(pull('unreachable.e2e.test/app:1'));
    expect(error.code).toBe(status.UNKNOWN);
    expect(error.details).toMatch(/^RegistryUnavailable: pull: unreachable\.e2e\.test\/app:1: /);
  });

  test('a namespace’s own policy holds for its pods alone', async () => {
    await writePolicy('policies/lax.json', accept);
    try {
      await rejection(pull(unsigned));
      const id = await pull(unsigned, 'lax');
      await create(id, unsigned, 'lax');
      const error = await rejection(create(id, unsigned, 'strict'));
      expect(error.code).toBe(status.UNKNOWN);
      expect(error.details).toMatch(/^SignatureValidationFailed: CreateContainer: /);
    } finally {
      await rm(join(dir, 'policies/lax.json'));
    }
  });

  test('a policy that changes holds for images that are here already', async () => {
    const id = await pull(signed);
    await writePolicy('policy.json', [{ type: 'reject' }]);
    const error = await rejection(create(id, signed));
    expect(error.details).toMatch(/^SignatureValidationFailed: CreateContainer: .*it rejects the image/);
    expect(await spare.world.cri.listContainers()).toEqual([]);
    await writePolicy('policy.json', accept);
    await create(id, signed);
  });

  test('a policy that is wrong stops pulls and names the file and the key', async () => {
    await writePolicy('policy.json', []);
    const error = await rejection(pull(signed));
    expect(error.code).toBe(status.FAILED_PRECONDITION);
    expect(error.details).toContain(
      `${join(dir, 'policy.json')}: transports.docker.registry.e2e.test: the list is empty`,
    );
  });
});
