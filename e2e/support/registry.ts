import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openAsBlob, openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Blob, OciArtifact, OciImage } from './oci-image';
import { until } from './wait';

/** What a registry is told beyond its port. */
export interface RegistrySettings {
  /** Files in PEM; `clientAuthority` is whom its clients have to show a certificate of. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly clientAuthority?: string };
  /** docker-registry's `auth`. */
  readonly auth?: object;
  /** It is a cache of the registry at this address. */
  readonly cacheOf?: string;
  /** The folder of another one's content, to serve the same. */
  readonly data?: string;
}

const binary = { 'content-type': 'application/octet-stream' };

/** A registry that takes pushes: without TLS and auth. */
export class RegistryContent {
  constructor(readonly address: string) {}

  async push(repository: string, tag: string, image: OciImage | OciArtifact): Promise<void> {
    for (const blob of [...image.layers, image.config]) await this.pushBlob(repository, blob);
    await this.pushManifest(repository, tag, image.manifest);
  }

  async pushBlob(repository: string, blob: Pick<Blob, 'bytes' | 'digest'>): Promise<void> {
    const location = await this.uploadUrl(repository, blob.digest);
    const body = new Uint8Array(blob.bytes);
    await expectStatus(await fetch(location, { method: 'PUT', body, headers: binary }), 201);
  }

  /** Pushes a blob that is a file, of any size. */
  async pushFile(repository: string, blob: { readonly file: string; readonly digest: string }): Promise<void> {
    const body = await openAsBlob(blob.file);
    await expectStatus(
      await fetch(await this.uploadUrl(repository, blob.digest), { method: 'PUT', body, headers: binary }),
      201,
    );
  }

  async pushManifest(repository: string, reference: string, manifest: Blob): Promise<void> {
    await this.request('PUT', `${repository}/manifests/${reference}`, 201, manifest);
  }

  private async uploadUrl(repository: string, digest: string): Promise<URL> {
    const started = await this.request('POST', `${repository}/blobs/uploads/`, 202);
    const location = new URL(started.headers.get('location') ?? '', `http://${this.address}`);
    location.searchParams.set('digest', digest);
    return location;
  }

  private async request(method: string, path: string, status: number, blob?: Blob): Promise<Response> {
    const response = await fetch(`http://${this.address}/v2/${path}`, {
      method,
      ...(blob ? { body: new Uint8Array(blob.bytes), headers: { 'content-type': blob.mediaType } } : {}),
    });
    return expectStatus(response, status);
  }
}

/** Debian's docker-registry on a port of 127.0.0.1, with a folder of its own. Pushes go to one without TLS and auth. */
export class Registry extends RegistryContent {
  private constructor(
    address: string,
    readonly data: string,
    private readonly process: ChildProcess,
  ) {
    super(address);
  }

  /** Starts it and waits until it accepts connections. */
  static async start(dir: string, port: number, settings: RegistrySettings = {}): Promise<Registry> {
    await mkdir(dir, { recursive: true });
    const address = `127.0.0.1:${port}`;
    const { tls, auth, cacheOf, data = join(dir, 'data') } = settings;
    const { certificate, key, clientAuthority } = tls ?? {};
    const config = join(dir, 'config.json');
    await writeFile(
      config,
      JSON.stringify({
        version: '0.1',
        log: { level: 'warn' },
        storage: { filesystem: { rootdirectory: data }, delete: { enabled: true } },
        http: {
          addr: address,
          ...(tls && { tls: { certificate, key, ...(clientAuthority && { clientcas: [clientAuthority] }) } }),
        },
        ...(auth && { auth }),
        ...(cacheOf && { proxy: { remoteurl: cacheOf } }),
      }),
    );
    const log = openSync(join(dir, 'registry.log'), 'a');
    const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', log, log] });
    closeSync(log);
    const failed = new Promise<never>((_, reject) => {
      child.once('error', (cause) => reject(new Error('cannot start docker-registry (apt-get install it)', { cause })));
    });
    const answers = until('docker-registry to listen', async () => (await accepts(port)) || child.exitCode !== null);
    await Promise.race([answers, failed]);
    if (child.exitCode !== null) throw new Error(`docker-registry ended at once: see ${join(dir, 'registry.log')}`);
    return new Registry(address, data, child);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function expectStatus(response: Response, status: number): Promise<Response> {
  if (response.status !== status) {
    throw new Error(`${response.url} answered ${response.status}, not ${status}: ${await response.text()}`);
  }
  return response;
}
