import type { Readable, Writable } from 'node:stream';

/** What a command has of the world: the process's own, or a test's. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls the listener for each Ctrl-C or SIGTERM; without one they end the process as usual. */
  onInterrupt(listener: () => void): Disposable;
}

/** The process's own streams, environment and signals. */
export function processIo(): Io {
  // A broken pipe is told by the write that meets it.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    onInterrupt(listener) {
      process.on('SIGINT', listener).on('SIGTERM', listener);
      return { [Symbol.dispose]: () => void process.off('SIGINT', listener).off('SIGTERM', listener) };
    },
  };
}

/** Writes, and waits until it is taken: output is never piled up in memory. Rejects with EPIPE if nobody reads. */
export function write(stream: Writable, chunk: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

/** Writes all that comes, in its order and at the writer's speed. */
export async function copy(from: Readable | undefined, to: Writable): Promise<void> {
  for await (const chunk of from ?? []) await write(to, chunk instanceof Uint8Array ? chunk : String(chunk));
}
