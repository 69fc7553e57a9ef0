import { once } from 'node:events';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BerthError } from '../../../src/base';
import type {
  AttachStreamRequest,
  ClientStreams,
  ExecStreamRequest,
  PortForwardRequest,
  StreamTarget,
} from '../../../src/streaming';

/** What a command of the fuzz target does, by its first argument. */
export const behaviours = ['echo', 'deaf', 'flood', 'exit', 'fail'] as const;
const floodChunks = 64;

/** A target that behaves as commands do, well and badly, without processes; `active` is what it has not been let go of. */
export class FuzzTarget implements StreamTarget {
  /** Commands and connections that there have been. */
  started = 0;
  private running = 0;
  private readonly connections = new Set<Duplex>();

  get active(): number {
    return this.running + this.connections.size;
  }

  async exec(request: ExecStreamRequest, streams: ClientStreams): Promise<number> {
    return this.counted(streams, () => behave(request.cmd[0] ?? 'echo', streams));
  }

  async attach(_request: AttachStreamRequest, streams: ClientStreams): Promise<number> {
    return this.counted(streams, () => behave('echo', streams));
  }

  async dial(_request: PortForwardRequest, port: number, signal: AbortSignal): Promise<Duplex> {
    if (port % 3 === 0)
      throw new BerthError('program-failed', { op: 'dial', detail: `nobody listens on port ${port}` });
    signal.throwIfAborted();
    this.started++;
    const connection = echo();
    this.connections.add(connection);
    connection.on('close', () => void this.connections.delete(connection));
    return connection;
  }

  /** Its pods run on. */
  untilStopped(): AbortSignal {
    return new AbortController().signal;
  }

  private async counted(streams: ClientStreams, work: () => Promise<number>): Promise<number> {
    this.started++;
    this.running++;
    void drainSizes(streams.resize);
    try {
      return await work();
    } finally {
      this.running--;
    }
  }
}

async function behave(what: string, { stdin, stdout, signal }: ClientStreams): Promise<number> {
  switch (what) {
    case 'deaf':
      if (!signal.aborted) await once(signal, 'abort');
      return 137;
    case 'flood':
      return flood(stdout, signal);
    case 'fail':
      throw new BerthError('container-state', { op: 'Exec', detail: 'it does not run' });
    case 'exit':
      return 3;
    default:
      return repeat(stdin, stdout, signal);
  }
}

async function repeat(stdin: Readable | undefined, stdout: Writable | undefined, signal: AbortSignal): Promise<number> {
  if (!stdin) return 0;
  try {
    if (stdout) await pipeline(stdin, stdout, { signal });
    else for await (const chunk of stdin) if (signal.aborted || !chunk) break;
    return 0;
  } catch {
    // As a command whose input or output broke.
    return 1;
  }
}

async function flood(stdout: Writable | undefined, signal: AbortSignal): Promise<number> {
  for (let left = floodChunks; left > 0 && stdout && !stdout.destroyed && !signal.aborted; left--) {
    if (stdout.write(Buffer.alloc(64 * 1024, left))) continue;
    const over = new AbortController();
    const heard = (emitter: Writable | AbortSignal, event: string) =>
      emitter instanceof AbortSignal
        ? once(emitter, event, { signal: over.signal })
        : once(emitter, event, { signal: over.signal });
    await Promise.race([heard(stdout, 'drain'), heard(stdout, 'close'), heard(signal, 'abort')]).catch(() => undefined);
    over.abort();
  }
  return 0;
}

async function drainSizes(sizes: ClientStreams['resize']): Promise<void> {
  try {
    for await (const size of sizes ?? []) if (size.width < 1 || size.height < 1) throw new Error('a size that is none');
  } catch (error) {
    if (error instanceof Error && error.message.includes('that is none')) throw error;
  }
}

/** A connection whose other end repeats what it gets, and half-closes when it is half-closed. */
function echo(): Duplex {
  let more: (() => void) | undefined;
  return new Duplex({
    allowHalfOpen: true,
    read() {
      more?.();
      more = undefined;
    },
    write(chunk: Buffer, _encoding, done) {
      if (this.push(chunk)) done();
      else more = done;
    },
    final(done) {
      this.push(null);
      done();
    },
  });
}
