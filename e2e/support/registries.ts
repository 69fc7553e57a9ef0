import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from '../../test/support/authority';
import { bcrypt } from '../../test/support/registry';
import { TokenServer } from '../../test/support/token-server';
import { layerOf } from './archive';
import { freePort } from './machine';
import { imageOf, type OciImage } from './oci-image';
import { Registry, type RegistrySettings } from './registry';

/** Who may pull from the registries that ask. */
export const account = {
  username: 'berth-user',
  password: 'correct horse:battery',
  identityToken: 'the-identity-token',
} as const;

/** A layer that does not compress: long enough to be broken off in its middle. Bytes. */
const bulk = 2 * 1024 * 1024;

/**
 * Registries of one suite's own, in TLS of its own authority, that all serve what `origin` holds: the repository `app`
 * with one tag, `1`.
 */
export class Registries implements AsyncDisposable {
  private readonly started: Registry[] = [];

  private constructor(
    /** Everything lies below; `certs.d` is for the daemon. */
    readonly dir: string,
    readonly authority: Authority,
    readonly image: OciImage,
    /** In plain http, for all. */
    readonly origin: Registry,
    readonly tokens: TokenServer,
  ) {
    this.started.push(origin);
  }

  static async start(): Promise<Registries> {
    const dir = await mkdtemp(join(tmpdir(), 'berth-e2e-registries-'));
    const authority = await Authority.create('berth e2e');
    const origin = await Registry.start(join(dir, 'origin'), await freePort());
    const tokens = await TokenServer.start(dir, account, await authority.serverCertificate('127.0.0.1'));
    const layers = [
      await layerOf([{ name: 'small', body: 'one of two\n' }]),
      await layerOf([{ name: 'large', body: randomBytes(bulk) }]),
    ];
    const image = imageOf(layers, { Cmd: ['true'] });
    await origin.push('app', '1', image);
    return new Registries(dir, authority, image, origin, tokens);
  }

  get certsDir(): string {
    return join(this.dir, 'certs.d');
  }

  /** One more registry in TLS; unless `known` is false, the daemon is given the authority. */
  async secure(
    settings: RegistrySettings & { readonly known?: boolean; readonly wantsClient?: boolean } = {},
  ): Promise<Registry> {
    const { known = true, wantsClient = false, ...others } = settings;
    const port = await freePort();
    const dir = join(this.dir, String(port));
    await mkdir(dir);
    const files = { certificate: join(dir, 'tls.crt'), key: join(dir, 'tls.key') };
    const pair = await this.authority.serverCertificate('127.0.0.1');
    await writeFile(files.certificate, pair.cert);
    await writeFile(files.key, pair.key, { mode: 0o600 });
    const clientAuthority = join(dir, 'clients.crt');
    await writeFile(clientAuthority, this.authority.certificate);
    const tls = { ...files, ...(wantsClient && { clientAuthority }) };
    const registry = await Registry.start(dir, port, { data: this.origin.data, tls, ...others });
    this.started.push(registry);
    if (known) await this.trust(registry.address, { 'ca.crt': this.authority.certificate });
    return registry;
  }

  /** Asks for the account's name and password. */
  async withPassword(): Promise<Registry> {
    const path = join(this.dir, 'htpasswd');
    await writeFile(path, `${account.username}:${bcrypt(account.password)}\n`, { mode: 0o600 });
    return this.secure({ auth: { htpasswd: { realm: 'berth e2e', path } } });
  }

  /** Asks for a token of the token server's. */
  async withTokens(): Promise<Registry> {
    const { realm, service, issuer, certificate } = this.tokens;
    return this.secure({ auth: { token: { realm, service, issuer, rootcertbundle: certificate } } });
  }

  /** A registry of any kind that ends with the others. */
  async plain(settings: RegistrySettings): Promise<Registry> {
    const port = await freePort();
    const registry = await Registry.start(join(this.dir, String(port)), port, settings);
    this.started.push(registry);
    return registry;
  }

  /** Puts files into the daemon's folder of certificates for the host. */
  async trust(host: string, files: Readonly<Record<string, string>>): Promise<void> {
    const folder = join(this.certsDir, host);
    await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.started.map((registry) => registry.stop()));
    await this.tokens.close();
    await this.authority[Symbol.asyncDispose]();
    await rm(this.dir, { recursive: true, force: true });
  }
}
