import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';

/** A request, and what the registry behind would answer. */
export interface Asked {
  /** Without /v2/ and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The headers of that answer. */
  readonly told: Readonly<Record<string, string>>;
}

/** Answers in a way of its own and gives true, or leaves the request to the registry behind. */
export type Answer = (asked: Asked, response: ServerResponse) => boolean;

/** What is served in place of what the registry holds; `path` is without /v2/ and query. */
export type Tamper = (path: string, body: Buffer) => Buffer;

/** A registry that hands on another's content but where it is told to misbehave. */
export class HostileRegistry {
  readonly seen: Pick<Asked, 'path' | 'headers'>[] = [];

  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}

  static async start(port: number, upstream: string, answer: Answer): Promise<HostileRegistry> {
    const server = createServer();
    const hostile = new HostileRegistry(server, `127.0.0.1:${port}`);
    server.on('request', (request, response) => {
      void (async () => {
        const { url = '/', headers } = request;
        const accept = headers.accept ?? '*/*';
        const path = url.replace(/^\/v2\/|\?.*$/g, '');
        hostile.seen.push({ path, headers });
        const original = await fetch(`http://${upstream}${url}`, {
          method: request.method ?? 'GET',
          headers: { accept },
        });
        const body = Buffer.from(await original.arrayBuffer());
        const kept = ['content-type', 'docker-content-digest', 'docker-distribution-api-version', 'content-length'];
        const told = Object.fromEntries([...original.headers].filter(([header]) => kept.includes(header)));
        if (answer({ path, headers, body, told }, response)) return;
        response.writeHead(original.status, told).end(body);
      })().catch((error: unknown) => response.destroy(error instanceof Error ? error : new Error(String(error))));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return hostile;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}

/** Alters content; size and digest are told as if nothing were. */
export const tampering =
  (tamper: Tamper): Answer =>
  ({ path, body, told }, response) => {
    const altered = tamper(path, body);
    if (altered === body) return false;
    response.writeHead(200, { ...told, 'content-length': altered.length }).end(altered);
    return true;
  };

/** The same bytes but for one bit in the middle. */
export function flipped(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const middle = copy.length >> 1;
  copy.writeUInt8(copy.readUInt8(middle) ^ 1, middle);
  return copy;
}
