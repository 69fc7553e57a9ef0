import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** When what is old was made, in gpg's form. */
const longAgo = '20200101T120000';

/** GnuPG with a folder and keys of its own. */
export class Gpg implements AsyncDisposable {
  private constructor(readonly home: string) {}

  static async open(): Promise<Gpg> {
    return new Gpg(await mkdtemp(join(tmpdir(), 'berth-gpg-')));
  }

  /** Makes a signing key without passphrase and gives its fingerprint; an old one is of 2020, and may have lived for a day. */
  async key(name: string, { old = false, life = 'never', algorithm = 'rsa2048' } = {}): Promise<string> {
    const then = old ? ['--faked-system-time', longAgo] : [];
    await this.gpg(
      ...then,
      '--passphrase',
      '',
      '--quick-generate-key',
      `${name} <${name}@berth.test>`,
      algorithm,
      'sign',
      life,
    );
    const listed = await this.gpg('--with-colons', '--list-keys', `${name}@berth.test`);
    const fingerprint = /^fpr:+([0-9A-F]+):/m.exec(listed.toString())?.[1];
    if (fingerprint === undefined) throw new Error(`gpg made no key ${name}`);
    return fingerprint;
  }

  /** Adds a subkey, by which gpg signs from then on. */
  async subkey(fingerprint: string): Promise<void> {
    await this.gpg('--passphrase', '', '--quick-add-key', fingerprint, 'ed25519', 'sign', 'never');
  }

  /** Revokes by the certificate that gpg has laid aside; its first line is held back by a colon. */
  async revoke(fingerprint: string): Promise<void> {
    const certificate = await readFile(join(this.home, 'openpgp-revocs.d', `${fingerprint}.rev`), 'utf8');
    const path = join(this.home, 'revoke.asc');
    await writeFile(path, certificate.replace(':-----BEGIN', '-----BEGIN'));
    await this.gpg('--import', path);
  }

  /** The public key, armored or in binary. */
  export(fingerprint: string, { armor = true } = {}): Promise<Buffer> {
    return this.gpg(...(armor ? ['--armor'] : []), '--export', fingerprint);
  }

  /** Signs inline, as simple signing has it. `old` is an hour after old keys were made. */
  async sign(
    fingerprint: string,
    text: string | Buffer,
    options: { old?: boolean; more?: readonly string[] } = {},
  ): Promise<Buffer> {
    const path = join(this.home, 'text');
    await writeFile(path, text);
    const then = options.old ? ['--faked-system-time', '20200101T130000'] : [];
    return this.gpg(...then, '--local-user', fingerprint, '--output', '-', ...(options.more ?? ['--sign']), path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('gpgconf', ['--homedir', this.home, '--kill', 'all']);
    await rm(this.home, { recursive: true, force: true });
  }

  private async gpg(...args: readonly string[]): Promise<Buffer> {
    const all = ['--homedir', this.home, '--batch', '--yes', '--quiet', '--no-tty', ...args];
    const { stdout } = await run('gpg', all, { encoding: 'buffer', maxBuffer: 1 << 24 });
    return stdout;
  }
}
