import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import type { AuthConfig } from '../../src/wire';
import { logOf } from '../support/daemon';
import { rejection } from '../support/matchers';
import { account, Registries } from '../support/registries';
import type { Registry } from '../support/registry';
import { type SpareDaemon, spareDaemon } from '../support/spare-daemon';
import { berthOnly } from '../support/suite';

const { username, password, identityToken } = account;
const auth = Buffer.from(`${username}:${password}`).toString('base64');
const criAuth = (parts: Partial<AuthConfig>): AuthConfig => ({
  username: '',
  password: '',
  auth: '',
  serverAddress: '',
  identityToken: '',
  registryToken: '',
  ...parts,
});

berthOnly('registries that ask who is there', () => {
  let registries: Registries;
  let spare: SpareDaemon;
  let home: string;

  beforeAll(async () => {
    registries = await Registries.start();
    home = join(registries.dir, 'home');
    await mkdir(join(home, 'bin'), { recursive: true });
    spare = await spareDaemon({
      network: false,
      config: `[image]\ncerts_dirs = ["${registries.certsDir}"]\nnamespaced_auth_dir = "${join(home, 'auth')}"\n`,
      env: { HOME: home, XDG_RUNTIME_DIR: join(home, 'run'), PATH: `${join(home, 'bin')}:${process.env['PATH']}` },
    });
  });
  afterAll(async () => {
    await spare[Symbol.asyncDispose]();
    await registries[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    const log = await readFile(logOf(spare.daemon.layout), 'utf8');
    for (const secret of [password, auth, identityToken, 'wrong-secret']) expect(log).not.toContain(secret);
    await writeAuthFile({});
  });

  const nameAt = ({ address }: Registry) => `${address}/app:1`;
  /** Pulls and removes; the image's id has to be that of the registries' image. */
  const pulls = async (registry: Registry, given?: AuthConfig) => {
    const { cri } = spare.world;
    const id = await cri.pull(nameAt(registry), given);
    expect(id).toBe(registries.image.config.digest);
    await cri.removeImage(id);
  };
  /** The error of a pull that must not leave anything. */
  const fails = async (registry: Registry, given?: AuthConfig) => {
    const error = await rejection(spare.world.cri.pull(nameAt(registry), given));
    expect(error.details).toContain(`https://${registry.address}`);
    expect(error.details).not.toMatch(/wrong-secret|correct horse/);
    expect(await spare.world.cri.listImages()).toEqual([]);
    const { root } = spare.daemon.layout;
    for (const folder of ['blobs/sha256', 'layers', 'staging']) expect(await readdir(join(root, folder))).toEqual([]);
    return error;
  };
  const writeAuthFile = async (content: object) => {
    await mkdir(join(home, '.docker'), { recursive: true });
    await writeFile(join(home, '.docker', 'config.json'), JSON.stringify(content), { mode: 0o600 });
  };

  test('TLS of an authority that certs.d names, from the next pull on', async () => {
    const registry = await registries.secure({ known: false });
    const error = await fails(registry);
    expect(error.code).toBe(status.UNKNOWN);
    expect(error.details).toMatch(/certificate .*unknown authority.*certs\.d/);
    await registries.trust(registry.address, { 'ca.crt': registries.authority.certificate });
    await pulls(registry);
  });

  test('a client certificate out of certs.d; half a pair is an error that names the file', async () => {
    const registry = await registries.secure({ wantsClient: true });
    const refused = await fails(registry);
    expect(refused.code).toBe(status.UNKNOWN);
    expect(refused.details).toMatch(/client certificate|certs\.d/);
    const { key, cert } = await registries.authority.clientCertificate('node');
    await registries.trust(registry.address, { 'node.cert': cert });
    const half = await rejection(spare.world.cri.pull(nameAt(registry)));
    expect(half.code).toBe(status.FAILED_PRECONDITION);
    expect(half.details).toContain(join(registries.certsDir, registry.address, 'node.cert'));
    await registries.trust(registry.address, { 'node.key': key });
    await pulls(registry);
  });

  test('basic authentication, with CRI’s words, an auth file, a helper, a file for one pull', async () => {
    const registry = await registries.withPassword();
    const host = registry.address;
    for (const given of [undefined, criAuth({ username, password: 'wrong-secret' })]) {
      expect((await fails(registry, given)).code).toBe(status.UNAUTHENTICATED);
    }
    await pulls(registry, criAuth({ username, password }));
    await pulls(registry, criAuth({ auth, serverAddress: host }));

    await writeAuthFile({ auths: { [`https://${host}/v2/`]: { auth } } });
    await pulls(registry);

    const helper = join(home, 'bin', 'docker-credential-e2e');
    await writeFile(
      helper,
      `#!/bin/sh\nread -r host\n[ "$host" = ${host} ] && echo '${JSON.stringify({ Username: username, Secret: password })}'\n`,
      { mode: 0o755 },
    );
    await writeAuthFile({ credHelpers: { [host]: 'e2e' } });
    await pulls(registry);
    await writeFile(helper, `#!/bin/sh\necho "the vault is closed (wrong-secret {" >&1\nexit 4\n`);
    const closed = await rejection(spare.world.cri.pull(nameAt(registry)));
    expect(closed.code).toBe(status.FAILED_PRECONDITION);
    expect(closed.details).toMatch(/docker-credential-e2e for .*exit status 4/);

    await writeAuthFile({});
    const file = join(home, 'auth', `shop-${createHash('sha256').update(`${host}/app`).digest('hex')}.json`);
    await mkdir(join(home, 'auth'), { recursive: true });
    await writeFile(file, JSON.stringify({ auths: { [host]: { auth } } }));
    const pod = spare.world.podConfig({ metadata: { name: 'p', namespace: 'shop', uid: 'u', attempt: 0 } });
    const { cri } = spare.world;
    expect(await cri.pull(nameAt(registry), undefined, undefined, pod)).toBe(registries.image.config.digest);
    await cri.removeImage(nameAt(registry));
    expect(await readdir(join(home, 'auth'))).toEqual([]);
    expect((await rejection(cri.pull(nameAt(registry), undefined, undefined, pod))).code).toBe(status.UNAUTHENTICATED);
  });

  test('token authentication: a password, an identity token or a token is changed for one', async () => {
    const registry = await registries.withTokens();
    const { calls } = registries.tokens;
    const scope = 'repository:app:pull';
    for (const [given, method] of [
      [criAuth({ username, password }), 'GET'],
      [criAuth({ identityToken }), 'POST'],
    ] as const) {
      calls.splice(0);
      await pulls(registry, given);
      expect(calls).toEqual([{ method, scope, authorized: true }]);
    }
    calls.splice(0);
    await pulls(registry, criAuth({ registryToken: registries.tokens.mint('app', ['pull']) }));
    expect(calls).toEqual([]);
    await writeAuthFile({ auths: { [registry.address]: { auth, identitytoken: identityToken } } });
    await pulls(registry);

    await writeAuthFile({});
    calls.splice(0);
    const error = await rejection(
      spare.world.cri.pull(nameAt(registry), criAuth({ username, password: 'wrong-secret' })),
    );
    expect(error.code).toBe(status.UNAUTHENTICATED);
    expect(error.details).toMatch(/GET https:.*\/token: status 401: UNAUTHORIZED: bad credentials.*imagePullSecrets/);
    expect(error.details).not.toContain('wrong-secret');
    expect(calls).toHaveLength(1);
  });
});
