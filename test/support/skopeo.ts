import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Debian's skopeo, which signs what it copies, with configuration of its own. */
export class Skopeo implements AsyncDisposable {
  private constructor(
    readonly dir: string,
    /** Where simple signatures go. */
    readonly lookaside: string,
  ) {}

  static async open(): Promise<Skopeo> {
    const dir = await mkdtemp(join(tmpdir(), 'berth-skopeo-'));
    const lookaside = join(dir, 'lookaside');
    await mkdir(lookaside);
    await mkdir(join(dir, 'registries.d'));
    const usual = { 'lookaside-staging': `file://${lookaside}` };
    // JSON is YAML.
    await writeFile(join(dir, 'registries.d', 'all.yaml'), JSON.stringify({ 'default-docker': usual }));
    return new Skopeo(dir, lookaside);
  }

  /** Copies between repositories of registries in plain http and signs what arrives, by a key of this GnuPG folder. */
  async signBy(fingerprint: string, home: string, from: string, to: string, ...more: readonly string[]): Promise<void> {
    await this.copy(from, to, ['--sign-by', fingerprint, ...more], { GNUPGHOME: home });
  }

  /** Writes an archive as `docker save` does, with this name in it. */
  async archive(from: string, path: string, name: string): Promise<void> {
    const plain = ['--insecure-policy', 'copy', '--src-tls-verify=false'];
    await run('skopeo', [...plain, `docker://${from}`, `docker-archive:${path}:${name}`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }

  private async copy(
    from: string,
    to: string,
    options: readonly string[],
    env: Record<string, string> = {},
  ): Promise<void> {
    const common = ['--insecure-policy', '--registries.d', join(this.dir, 'registries.d'), 'copy'];
    const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    await run('skopeo', [...common, ...plain, ...options, `docker://${from}`, `docker://${to}`], {
      env: { ...process.env, ...env },
    });
  }
}
