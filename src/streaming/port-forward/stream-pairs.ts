import { resetStatus } from '../spdy/frames';
import type { SpdyStream } from '../spdy/stream';
import { parsePort } from './ports';

/** The two streams of one connection. */
export interface StreamPair {
  readonly port: number;
  readonly data: SpdyStream;
  readonly error: SpdyStream;
}

interface Waiting {
  readonly port: number;
  readonly kind: StreamKind;
  readonly stream: SpdyStream;
  readonly timer: NodeJS.Timeout;
}

type StreamKind = 'data' | 'error';

/** Real ones are short numbers. */
const maxIdLength = 256;

/** Finds the streams of a connection together: an error and a data stream with one `requestid`, or with ids in a row. */
export class StreamPairs {
  private readonly waiting = new Map<string, Waiting>();

  constructor(private readonly timeoutMs: number) {}

  /** The stream's pair, if it completes one. A stream that can be part of none is reset. */
  add(stream: SpdyStream): StreamPair | undefined {
    const kind = kindOf(stream);
    const port = parsePort(stream.headers.get('port'));
    const id = kind && requestId(stream, kind);
    const other = id === undefined ? undefined : this.waiting.get(id);
    if (!kind || port === undefined || id === undefined || other?.kind === kind) {
      stream.reset(resetStatus.protocolError);
      return undefined;
    }
    if (!other) {
      const timer = setTimeout(() => this.giveUp(id), this.timeoutMs);
      this.waiting.set(id, { port, kind, stream, timer });
      return undefined;
    }
    this.forget(id);
    const pair = kind === 'data' ? { data: stream, error: other.stream } : { data: other.stream, error: stream };
    if (other.port === port) return { port, ...pair };
    refuse(pair, `the error stream is for port ${pair.error.headers.get('port')}, the data stream for another`);
    return undefined;
  }

  /** Forgets those that are incomplete. */
  close(): void {
    for (const id of this.waiting.keys()) this.forget(id);
  }

  private giveUp(id: string): void {
    const found = this.waiting.get(id);
    this.forget(id);
    if (!found) return;
    const text = `the client did not open the other stream of request ${id} within ${this.timeoutMs / 1000} s`;
    refuse({ [found.kind]: found.stream }, text);
  }

  private forget(id: string): void {
    clearTimeout(this.waiting.get(id)?.timer);
    this.waiting.delete(id);
  }
}

function refuse({ data, error }: Partial<Pick<StreamPair, 'data' | 'error'>>, text: string): void {
  error?.input.destroy();
  error?.output.end(text);
  data?.reset(resetStatus.cancel);
}

function kindOf({ headers }: SpdyStream): StreamKind | undefined {
  const kind = headers.get('streamtype');
  return kind === 'data' || kind === 'error' ? kind : undefined;
}

/**
 * What connects the two. Clients before Kubernetes 1.2 send none: theirs open the error stream and then, with the next id,
 * the data stream (kubelet: httpStreamHandler.requestID).
 */
function requestId({ headers, id }: SpdyStream, kind: StreamKind): string | undefined {
  const given = headers.get('requestid');
  if (given === undefined || given === '') return `stream ${kind === 'error' ? id : id - 2}`;
  return given.length > maxIdLength ? undefined : `"${given}"`;
}
