import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const openssl = (args: readonly string[]) => execute('openssl', args);
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** PEM of both. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

/** A certificate authority of a test's own, made by openssl. */
export class Authority implements AsyncDisposable {
  private made = 0;

  private constructor(
    private readonly dir: string,
    /** PEM. */
    readonly certificate: string,
    /** Where that lies. */
    readonly file: string,
  ) {}

  static async create(name = 'test authority'): Promise<Authority> {
    const dir = await mkdtemp(join(tmpdir(), 'berth-authority-'));
    const file = join(dir, 'ca.crt');
    const files = ['-keyout', join(dir, 'ca.key'), '-out', file];
    await openssl(['req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`, ...files]);
    return new Authority(dir, await readFile(file, 'utf8'), file);
  }

  /** For a server of this name or address. */
  serverCertificate(host: string): Promise<KeyPair> {
    return this.sign(host, `subjectAltName=${isIP(host) === 0 ? 'DNS' : 'IP'}:${host}\nextendedKeyUsage=serverAuth\n`);
  }

  clientCertificate(name: string): Promise<KeyPair> {
    return this.sign(name, 'extendedKeyUsage=clientAuth\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }

  private async sign(name: string, extensions: string): Promise<KeyPair> {
    const at = (suffix: string) => join(this.dir, `${this.made}.${suffix}`);
    this.made++;
    const [key, request, cert, extra] = [at('key'), at('csr'), at('crt'), at('ext')];
    await writeFile(extra, extensions);
    await openssl(['req', '-new', ...newKey, '-keyout', key, '-subj', `/CN=${name}`, '-out', request]);
    const ca = ['-CA', this.file, '-CAkey', join(this.dir, 'ca.key'), '-CAcreateserial'];
    await openssl(['x509', '-req', '-in', request, ...ca, '-days', '2', '-extfile', extra, '-out', cert]);
    return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
  }
}
