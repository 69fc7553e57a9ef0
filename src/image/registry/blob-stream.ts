import { Readable } from 'node:stream';
import { abortError, anySignal, BerthError, pause } from '../../base';
import { bodyChunks, discard, protocolError } from './body';
import { causeText, connectionError } from './connection-error';
import { printable } from './endpoint';
import type { HttpResponse } from './http';

/** Failures in a row, without much progress between them, after which a blob is given up. */
const failureLimit = 5;
/** Progress that makes a failure the first one again. Bytes. */
const progress = 1024 * 1024;

/** A blob's bytes from an offset on. */
export type OpenAt = (offset: number, signal: AbortSignal) => Promise<HttpResponse>;

/** Told of a blob's bytes as they come; none is told twice. */
export type OnBytes = (digest: string, bytes: number) => void;

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/**
 * Streams a blob of a known size; where the connection breaks it goes on by a Range request. The stream ends after
 * exactly `size` bytes, or fails with a BerthError.
 */
export async function streamBlob(
  openAt: OpenAt,
  blob: Blob,
  signal: AbortSignal,
  onBytes: OnBytes = () => undefined,
): Promise<Readable> {
  const left = new AbortController();
  const job = anySignal(signal, left.signal);
  const first = await openAt(0, job);
  const announced = first.headers['content-length'];
  if (announced !== undefined && Number(announced) !== blob.size) {
    discard(first.body);
    throw sizeError(blob, first, announced);
  }
  const pieces = chunks(openAt, first, blob, job, onBytes);
  // Not Readable.from: it lets a reader that gives up wait until the connection has something to say.
  const stream: Readable = new Readable({
    // Pieces as they come, the few that a connection gives at once: bytes would be put together, which copies them.
    objectMode: true,
    highWaterMark: 4,
    read: () =>
      void pieces.next().then(
        (next) => stream.push(next.done === true ? null : next.value),
        (error: Error) => stream.destroy(error),
      ),
    destroy: (error, done) => {
      left.abort();
      done(error);
    },
  });
  return stream;
}

async function* chunks(
  openAt: OpenAt,
  first: HttpResponse,
  blob: Blob,
  signal: AbortSignal,
  onBytes: OnBytes,
): AsyncGenerator<Buffer> {
  let response = first;
  let offset = 0;
  let skip = 0;
  let failures = 0;
  let lastFailure = 0;
  for (;;) {
    let cause: unknown;
    try {
      for await (const chunk of bodyChunks(response)) {
        const fresh = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - fresh.length;
        offset += fresh.length;
        if (offset > blob.size) throw sizeError(blob, response, 'more');
        if (fresh.length === 0) continue;
        onBytes(blob.digest, fresh.length);
        yield fresh;
      }
    } catch (error) {
      if (error instanceof BerthError) throw error;
      if (signal.aborted) throw abortError(signal, 'fetch layer', blob.digest);
      cause = error;
    }
    if (offset === blob.size) return;
    failures = offset - lastFailure >= progress ? 1 : failures + 1;
    lastFailure = offset;
    if (failures > failureLimit) throw brokenError(blob, response, offset, cause, signal);
    if (failures > 1) await pause(50 * 2 ** failures, signal, 'fetch layer');
    response = await openAt(offset, signal);
    skip = bytesToSkip(response, offset, blob.size);
  }
}

/** The headers that ask for a blob from an offset on. */
export function rangeFrom(offset: number): Readonly<Record<string, string>> {
  return offset > 0 ? { range: `bytes=${offset}-` } : {};
}

/** Whether the answer is what such a request may be answered with. */
export function isBlob({ status }: HttpResponse, offset: number): boolean {
  return status === 200 || (status === 206 && offset > 0);
}

/** How many bytes of the answer are known already: none of a 206 that fits, all up to the offset of a 200. */
function bytesToSkip(response: HttpResponse, offset: number, size: number): number {
  if (response.status === 200) return offset;
  const range = response.headers['content-range'];
  if (typeof range === 'string' && rangeFits(range, offset, size)) return 0;
  discard(response.body);
  throw protocolError(response, `asked for bytes from ${offset} on, it answers ${JSON.stringify(range ?? 'no range')}`);
}

/** Whether a Content-Range (RFC 9110, section 14.4) begins at the offset and lies in a blob of this size. */
export function rangeFits(range: string, offset: number, size: number): boolean {
  const [, first, last, total] = /^bytes\s+([0-9]+)-([0-9]+)\/([0-9]+|\*)$/.exec(range) ?? [];
  return Number(first) === offset && Number(last) < size && (total === '*' || Number(total) === size);
}

function sizeError(blob: Blob, response: HttpResponse, served: string): BerthError {
  return new BerthError('digest-mismatch', {
    op: 'fetch layer',
    object: blob.digest,
    detail: `${printable(response.url)} serves ${served} bytes, the manifest names ${blob.size}`,
  });
}

function brokenError(
  blob: Blob,
  response: HttpResponse,
  offset: number,
  cause: unknown,
  signal: AbortSignal,
): BerthError {
  const inner = connectionError(response, cause, signal);
  const why = cause === undefined ? 'the answer ends early' : causeText(cause);
  return new BerthError('registry-unreachable', {
    op: 'fetch layer',
    object: blob.digest,
    detail: `${printable(response.url)} broke off ${failureLimit + 1} times, at last after ${offset} of ${blob.size} bytes: ${why}`,
    cause: inner,
  });
}
