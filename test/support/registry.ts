import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Blob, type BuiltArtifact, mediaTypeOf } from './image-builder';
import { TokenServer } from './token-server';

/** How a registry asks who is there. */
export type RegistryAuthMode = 'none' | 'basic' | 'token';

const credentials = {
  username: 'berth-user',
  password: 'correct horse:battery',
  identityToken: 'identity-token-of-the-test',
};

/** Debian's docker-registry with an empty store of its own, in plain http on a free port of 127.0.0.1. */
export class TestRegistry implements AsyncDisposable {
  readonly username = credentials.username;
  readonly password = credentials.password;
  readonly identityToken = credentials.identityToken;

  private constructor(
    private readonly dir: string,
    private readonly child: ChildProcess,
    /** `127.0.0.1:<port>`: the host part of its images' names. */
    readonly host: string,
    private readonly mode: RegistryAuthMode,
    readonly tokens: TokenServer | undefined,
  ) {}

  static async start(mode: RegistryAuthMode = 'none'): Promise<TestRegistry> {
    const dir = await mkdtemp(join(tmpdir(), 'berth-registry-'));
    const { username, password } = credentials;
    const tokens = mode === 'token' ? await TokenServer.start(dir, credentials) : undefined;
    const htpasswd = join(dir, 'htpasswd');
    if (mode === 'basic') await writeFile(htpasswd, `${username}:${bcrypt(password)}\n`, { mode: 0o600 });
    const auth =
      tokens !== undefined
        ? {
            token: {
              realm: tokens.realm,
              service: tokens.service,
              issuer: tokens.issuer,
              rootcertbundle: tokens.certificate,
            },
          }
        : { htpasswd: { realm: 'berth-test', path: htpasswd } };
    const config = {
      version: '0.1',
      log: { level: 'info', formatter: 'json' },
      storage: { filesystem: { rootdirectory: join(dir, 'data') }, delete: { enabled: true } },
      http: { addr: '127.0.0.1:0' },
      ...(mode === 'none' ? {} : { auth }),
    };
    const path = join(dir, 'config.yml');
    // JSON is YAML.
    await writeFile(path, JSON.stringify(config));
    const child = spawn('docker-registry', ['serve', path], { stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      return new TestRegistry(dir, child, await listeningHost(child), mode, tokens);
    } catch (error) {
      child.kill('SIGKILL');
      await tokens?.close();
      await rm(dir, { recursive: true, force: true });
      throw error;
    }
  }

  /** Pushes the content of an image or artifact and gives it this tag. */
  async push(repository: string, tag: string, image: BuiltArtifact): Promise<void> {
    for (const blob of [...image.layers, image.config]) await this.pushBlob(repository, blob);
    await this.pushManifest(repository, tag, image.manifest);
  }

  async pushBlob(repository: string, { digest, bytes }: Blob): Promise<void> {
    const begun = await this.request(repository, `blobs/uploads/`, { method: 'POST' });
    const location = new URL(begun.headers.get('location') ?? '', `http://${this.host}`);
    location.searchParams.set('digest', digest);
    await this.request(repository, location, {
      method: 'PUT',
      body: bytes,
      headers: { 'content-type': 'application/octet-stream' },
    });
  }

  /** Puts a manifest or index under a tag or its digest; what it names is there already. */
  async pushManifest(repository: string, reference: string, manifest: Blob): Promise<void> {
    const headers = { 'content-type': mediaTypeOf(manifest) };
    await this.request(repository, `manifests/${reference}`, { method: 'PUT', body: manifest.bytes, headers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      await exited;
    }
    await this.tokens?.close();
    await rm(this.dir, { recursive: true, force: true });
  }

  private async request(
    repository: string,
    path: string | URL,
    init: { method: string; body?: Buffer; headers?: Record<string, string> },
  ): Promise<Response> {
    const url = new URL(path, `http://${this.host}/v2/${repository}/`);
    const response = await fetch(url, {
      method: init.method,
      headers: { ...init.headers, ...this.authorization(repository) },
      ...(init.body === undefined ? {} : { body: new Uint8Array(init.body) }),
    });
    if (!response.ok) throw new Error(`${init.method} ${url.href}: ${response.status} ${await response.text()}`);
    return response;
  }

  private authorization(repository: string): Record<string, string> {
    switch (this.mode) {
      case 'none':
        return {};
      case 'basic':
        return { authorization: `Basic ${Buffer.from(`${this.username}:${this.password}`).toString('base64')}` };
      case 'token':
        return { authorization: `Bearer ${this.tokens?.mint(repository, ['pull', 'push']) ?? ''}` };
      default:
        return this.mode satisfies never;
    }
  }
}

// The registry says itself which port it got.
async function listeningHost(child: ChildProcess): Promise<string> {
  if (!child.stderr || !child.stdout) throw new Error('the registry has no output');
  child.stdout.resume();
  const lines = createInterface({ input: child.stderr });
  const said: string[] = [];
  for await (const line of lines) {
    said.push(line);
    const host = /listening on (127\.0\.0\.1:[0-9]+)/.exec(line)?.[1];
    if (host !== undefined) {
      child.stderr.resume();
      return host;
    }
  }
  throw new Error(`docker-registry ended before it listened: ${said.join('\n')}`);
}

/** What htpasswd would write. perl is part of Debian's base, htpasswd is not. */
export function bcrypt(password: string): string {
  const script = 'print crypt($ARGV[0], q($2y$05$) . q(berthberthberthberthbu))';
  return execFileSync('perl', ['-e', script, '--', password], { encoding: 'utf8' });
}
