import { createHash, createPublicKey, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import type { KeyPair } from './authority';

/** What the token server saw, for tests that count. */
export interface TokenCall {
  readonly method: string;
  readonly scope: string;
  readonly authorized: boolean;
}

/** A token server as registries' docs describe it: Basic credentials or a refresh token in, a signed JWT out. */
export class TokenServer {
  readonly issuer = 'berth-test';
  readonly service = 'berth-registry';
  readonly calls: TokenCall[] = [];
  private readonly key: KeyObject;

  private constructor(
    private readonly server: Server,
    private readonly scheme: 'http' | 'https',
    private readonly credentials: {
      readonly username: string;
      readonly password: string;
      readonly identityToken: string;
    },
    /** The certificate that the registry trusts. */
    readonly certificate: string,
    key: KeyObject,
  ) {
    this.key = key;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.answer(request, response));
  }

  static async start(
    dir: string,
    credentials: { username: string; password: string; identityToken: string },
    tls?: KeyPair,
  ): Promise<TokenServer> {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const keyPath = join(dir, 'token.key');
    const certificate = join(dir, 'token.crt');
    writeFileSync(keyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    execFileSync(
      'openssl',
      ['req', '-x509', '-key', keyPath, '-out', certificate, '-days', '2', '-subj', '/CN=token'],
      {
        stdio: 'pipe',
      },
    );
    const server = (tls ? createTlsServer(tls) : createServer()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TokenServer(server, tls ? 'https' : 'http', credentials, certificate, privateKey);
  }

  get realm(): string {
    const address = this.server.address();
    if (typeof address !== 'object' || !address) throw new Error('the token server does not listen');
    return `${this.scheme}://127.0.0.1:${address.port}/token`;
  }

  /** A token without asking: for the helper's own pushes. */
  mint(repository: string, actions: readonly string[]): string {
    const now = Math.floor(Date.now() / 1000);
    const payload = {
      iss: this.issuer,
      sub: 'test',
      aud: this.service,
      exp: now + 300,
      nbf: now - 10,
      iat: now,
      jti: randomUUID(),
      access: repository === '' ? [] : [{ type: 'repository', name: repository, actions }],
    };
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${encode({ typ: 'JWT', alg: 'ES256', kid: this.keyId() })}.${encode(payload)}`;
    const signature = sign('sha256', Buffer.from(text), { key: this.key, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const url = new URL(request.url ?? '/', 'http://token');
    const params = request.method === 'POST' ? new URLSearchParams(body) : url.searchParams;
    const { username, password, identityToken } = this.credentials;
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const authorized =
      request.method === 'POST'
        ? params.get('refresh_token') === identityToken
        : request.headers.authorization === basic;
    const scope = params.get('scope') ?? '';
    this.calls.push({ method: request.method ?? '', scope, authorized });
    if (!authorized) {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'bad credentials' }] }));
      return;
    }
    const [, repository = '', actions = ''] = /^repository:(.*):([a-z,]+)$/.exec(scope) ?? [];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ token: this.mint(repository, actions.split(',')), expires_in: 300 }));
  }

  // The registry finds keys by libtrust's fingerprint: 30 bytes of the key's sha256 in base32, in groups of four.
  private keyId(): string {
    const der = createPublicKey(this.key).export({ type: 'spki', format: 'der' });
    const bits = [...createHash('sha256').update(der).digest().subarray(0, 30)]
      .map((byte) => byte.toString(2).padStart(8, '0'))
      .join('');
    const digits =
      bits
        .match(/.{5}/g)
        ?.map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[parseInt(five, 2)])
        .join('') ?? '';
    return digits.match(/.{4}/g)?.join(':') ?? '';
  }
}
