import { createServer, type Server } from 'node:http';

/** What is served in place of what the registry holds; `path` is without /v2/ and query. */
export type Tamper = (path: string, body: Buffer) => Buffer;

/** A registry that hands on another's content, altered: size and digest are told as if nothing were. */
export class HostileRegistry {
  private constructor(private readonly server: Server) {}

  static async start(port: number, upstream: string, tamper: Tamper): Promise<HostileRegistry> {
    const server = createServer((request, response) => {
      void (async () => {
        const url = request.url ?? '/';
        const accept = request.headers.accept ?? '*/*';
        const original = await fetch(`http://${upstream}${url}`, { method: request.method, headers: { accept } });
        const body = Buffer.from(await original.arrayBuffer());
        const altered = request.method === 'GET' ? tamper(url.replace(/^\/v2\/|\?.*$/g, ''), body) : body;
        const kept = ['content-type', 'docker-content-digest', 'docker-distribution-api-version', 'content-length'];
        const headers = kept.flatMap((name) => {
          const value = original.headers.get(name);
          return value === null ? [] : [[name, value] as const];
        });
        response.writeHead(original.status, {
          ...Object.fromEntries(headers),
          ...(altered.length === body.length ? {} : { 'content-length': altered.length }),
        });
        response.end(altered);
      })().catch((error: unknown) => response.destroy(error instanceof Error ? error : new Error(String(error))));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return new HostileRegistry(server);
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}

/** The same bytes but for one bit in the middle. */
export function flipped(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const middle = copy.length >> 1;
  copy.writeUInt8(copy.readUInt8(middle) ^ 1, middle);
  return copy;
}
