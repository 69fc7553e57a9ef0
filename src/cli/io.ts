import type { Readable, Writable } from 'node:stream';
import { type Terminal, processTerminal } from './terminal/terminal';

/** What a command has of the world: the process's own, or a test's. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The terminal that standard input is; undefined if it is none. */
  readonly terminal: Terminal | undefined;
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
    terminal: processTerminal(),
    env: process.env,
    onInterrupt(listener) {
      process.on('SIGINT', listener).on('SIGTERM', listener);
      return { [Symbol.dispose]: () => void process.off('SIGINT', listener).off('SIGTERM', listener) };
    },
  };
}

/** A terminal that is written to. */
export interface Screen {
  /** In characters. */
  size(): { readonly columns: number; readonly rows: number };
}

/** The stream as a terminal; undefined if it is none. */
export function screenOf(stream: Writable): Screen | undefined {
  if (!('isTTY' in stream) || stream.isTTY !== true) return undefined;
  const count = (value: unknown, otherwise: number) => (typeof value === 'number' && value > 0 ? value : otherwise);
  return {
    size: () => ({
      columns: count('columns' in stream && stream.columns, 80),
      rows: count('rows' in stream && stream.rows, 24),
    }),
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
