import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { abortError, anySignal, BerthError, errnoOf, messageOf, throwIfAborted } from '../../base';
import type { PortForwardRequest, StreamTarget } from '../target';
import type { ClientEnd } from './client-end';
import type { Places } from './places';

/** What a session's connections have in common. */
export interface ForwardParts {
  readonly request: PortForwardRequest;
  readonly target: Pick<StreamTarget, 'dial'>;
  readonly places: Places;
  /** Aborted when the client is gone or the pod stops. */
  readonly signal: AbortSignal;
  /** Milliseconds for which a pod may take nothing of what is there for it. */
  readonly stallTimeoutMs: number;
}

/** How servers close connections that they want no more of: it is no failure of the forwarding. */
const brokenOff = new Set(['ECONNRESET', 'EPIPE']);

/**
 * One connection from its dial to its end, each direction ending by itself. A failure is told to the client; it never
 * rejects.
 */
export async function forward(client: ClientEnd, parts: ForwardParts): Promise<void> {
  const signal = anySignal(client.signal, parts.signal);
  try {
    using _ = parts.places.take(nameOf(client.port, parts.request));
    const pod = await dial(client.port, parts, signal);
    await join(pod, client, signal, parts);
    await client.finish();
  } catch (error) {
    // kubectl ends the whole session on any text: of these it hears by the stream alone.
    const quiet = brokenOff.has(errnoOf(error) ?? '');
    if (quiet) client.reset();
    await client.finish(quiet ? undefined : messageOf(error));
  }
}

async function dial(port: number, { request, target }: ForwardParts, signal: AbortSignal): Promise<Duplex> {
  const object = nameOf(port, request);
  throwIfAborted(signal, 'PortForward', object);
  if (request.ports.length > 0 && !request.ports.includes(port)) {
    const detail = `the URL was asked for port ${request.ports.join(', ')}`;
    throw new BerthError('argument-invalid', { op: 'PortForward', object, detail });
  }
  return target.dial(request, port, signal);
}

/** Settles when the pod's side is closed and the client has all that came of it. */
async function join(pod: Duplex, client: ClientEnd, signal: AbortSignal, parts: ForwardParts): Promise<void> {
  let why: Error | undefined;
  let stall: NodeJS.Timeout | undefined;
  const end = (reason: Error) => {
    why ??= reason;
    pod.destroy();
  };
  const object = nameOf(client.port, parts.request);
  const abort = () => end(abortError(signal, 'PortForward', object));
  const stalled = () => end(stallError(object, parts.stallTimeoutMs));
  const closed = new Promise<void>((resolve) => pod.once('close', resolve));
  pod.on('error', end);
  client.input
    // Paused: what came last waits for the pod, and the session with it.
    .on('pause', () => (stall ??= setTimeout(stalled, parts.stallTimeoutMs)))
    .on('resume', () => {
      clearTimeout(stall);
      stall = undefined;
    })
    .on('error', end);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  client.input.pipe(pod);
  pod.pipe(client.output);
  if (!client.halfClose) pod.once('end', () => client.input.unpipe(pod) && pod.end());
  try {
    if (!pod.closed) await closed;
    // What the pod refuses after its own end is nothing that the client waits for.
    if (!pod.readableEnded) throw why ?? new Error('the connection to the pod ended');
    await finished(client.output);
  } finally {
    clearTimeout(stall);
    signal.removeEventListener('abort', abort);
    client.input.destroy();
  }
}

function nameOf(port: number, { podId }: PortForwardRequest): string {
  return `port ${port} of pod ${podId}`;
}

function stallError(object: string, ms: number): BerthError {
  const detail = `the pod took nothing for ${ms / 1000} s, and held up the other connections of the session`;
  return new BerthError('deadline-exceeded', {
    op: 'PortForward',
    object,
    detail,
    remedy: 'see what the pod waits for',
  });
}
