import type { Readable } from 'node:stream';
import { BerthError } from '../../base';
import { connectionError } from './connection-error';
import { printable } from './endpoint';
import type { HttpResponse } from './http';

/** The body in the pieces in which it comes; the wait for each is the registry's. */
export async function* bodyChunks({ body, meter }: HttpResponse): AsyncGenerator<Buffer, void, undefined> {
  const chunks: AsyncIterator<Buffer> = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await meter.await(chunks.next());
      if (next.done === true) return;
      meter.count(next.value.length);
      yield next.value;
    }
  } finally {
    discard(body);
  }
}

/** Reads a body of at most `limit` bytes; a longer one is `registry-protocol` and is not read on. */
export async function readBody(response: HttpResponse, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of bodyChunks(response)) {
      length += chunk.length;
      if (length > limit) throw protocolError(response, `the answer is longer than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof BerthError) throw error;
    throw connectionError(response, error, response.signal);
  }
  return Buffer.concat(chunks);
}

/** Reads JSON; a web page instead of it is told with its address, status and first bytes. */
export function parseJson(response: HttpResponse, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw protocolError(response, `the answer is not JSON, it begins with ${firstBytes(bytes)}`, error);
  }
}

/** The first 50 bytes, quoted: enough to recognise a portal's page. */
export function firstBytes(bytes: Buffer): string {
  return JSON.stringify(bytes.subarray(0, 50).toString('latin1'));
}

/** Frees the connection of an answer that nobody reads. */
export function discard(body: Readable): void {
  body.destroy();
}

/** An answer that no registry gives. */
export function protocolError(response: HttpResponse, detail: string, cause?: unknown): BerthError {
  return new BerthError('registry-protocol', {
    op: 'ask registry',
    object: `${response.method} ${printable(response.url)}`,
    detail: `status ${response.status}: ${detail}`,
    cause,
  });
}
