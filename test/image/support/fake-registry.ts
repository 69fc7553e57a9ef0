import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { TLSSocket } from 'node:tls';
import { type Blob, type BuiltImage, mediaTypeOf } from '../../support/image-builder';

/** A request as it came. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The name in the client's certificate. */
  readonly client: string | undefined;
}

export type Misbehaviour = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** A registry that can be told to misbehave: what no real one does on purpose. */
export class FakeRegistry implements AsyncDisposable {
  readonly seen: Seen[] = [];
  private readonly content = new Map<string, { bytes: Buffer; type: string; digest: string }>();
  private readonly rules: { readonly path: RegExp; readonly act: Misbehaviour }[] = [];

  private constructor(
    private readonly server: Server,
    readonly host: string,
  ) {
    server.on('request', (request, response) => this.answer(request, response));
  }

  /** In plain http, or in TLS with this certificate. */
  static async start(tls?: ServerOptions): Promise<FakeRegistry> {
    const server = (tls ? createTlsServer(tls) : createServer()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || !address) throw new Error('the fake registry does not listen');
    return new FakeRegistry(server, `127.0.0.1:${address.port}`);
  }

  /** Serves the image under the tag and by digest. */
  serve(repository: string, tag: string, image: BuiltImage): void {
    for (const blob of [image.config, ...image.layers]) this.put(`blobs/${blob.digest}`, repository, blob);
    for (const reference of [tag, image.manifest.digest])
      this.put(`manifests/${reference}`, repository, image.manifest);
  }

  /** Serves these bytes at this path, whatever its digest says. */
  put(path: string, repository: string, { bytes, digest }: Blob, type?: string): void {
    const isManifest = path.startsWith('manifests/');
    const known = type ?? (isManifest ? mediaTypeOf({ bytes, digest }) : 'application/octet-stream');
    this.content.set(`/v2/${repository}/${path}`, { bytes, type: known, digest: isManifest ? digest : '' });
  }

  /** Requests whose path matches are answered so; the newest rule counts. */
  on(path: RegExp, act: Misbehaviour): void {
    this.rules.unshift({ path, act });
  }

  count(path: RegExp): number {
    return this.seen.filter((request) => path.test(request.path)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '/';
    this.seen.push({ method: request.method ?? '', path, headers: request.headers, client: clientOf(request) });
    const found = this.content.get(path);
    const rule = this.rules.find((candidate) => candidate.path.test(path));
    if (rule) {
      rule.act(request, response, found?.bytes ?? Buffer.alloc(0));
    } else if (path === '/v2/') {
      response.end('{}');
    } else if (found) {
      const digest = found.digest === '' ? {} : { 'docker-content-digest': found.digest };
      response.writeHead(200, { 'content-type': found.type, 'content-length': found.bytes.length, ...digest });
      response.end(found.bytes);
    } else {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
    }
  }
}

function clientOf({ socket }: IncomingMessage): string | undefined {
  const name = socket instanceof TLSSocket ? socket.getPeerCertificate().subject : undefined;
  return [name?.CN].flat()[0];
}
