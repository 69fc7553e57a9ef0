import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { BerthError, abortError, messageOf, throwIfAborted } from '../../base';
import { decodeOutcome } from '../remote-command/status';
import type { SpdyConnection } from '../spdy/connection';
import type { TerminalSize } from '../target';
import { openSession } from './session';

/** Which streams to open: the same as the URL was asked for with. */
export interface ExecClientOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** A running remote command. Streams that were not asked for are undefined. */
export interface ExecClient {
  readonly stdin: Writable | undefined;
  /** Must be read: an output that nobody reads holds the others up. */
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Tells the size of our terminal; without a tty it is nobody's affair. */
  readonly resize: (size: TerminalSize) => void;
  /** The command's exit code, once the outputs have been read to their end; rejects with a BerthError. */
  readonly status: Promise<number>;
}

const protocol = 'v4.channel.k8s.io';
const maxStatusBytes = 64 * 1024;

/** Connects to a URL that Exec answered with and opens the streams. The signal ends the session at any time. */
export function openExec(url: string, options: ExecClientOptions, signal?: AbortSignal): Promise<ExecClient> {
  return openCommand('exec', url, options, signal);
}

/** As `openExec`, to a URL that Attach answered with: the command is the container's own process. */
export function openAttach(url: string, options: ExecClientOptions, signal?: AbortSignal): Promise<ExecClient> {
  return openCommand('attach', url, options, signal);
}

async function openCommand(
  op: 'exec' | 'attach',
  url: string,
  options: ExecClientOptions,
  signal: AbortSignal | undefined,
): Promise<ExecClient> {
  const connection = await openSession(op, url, protocol, signal);
  const open = (type: string) => connection.openStream(new Map([['streamtype', type]]), signal);
  try {
    throwIfAborted(signal, op);
    const error = await open('error');
    const stdin = options.stdin ? await open('stdin') : undefined;
    const stdout = options.stdout ? await open('stdout') : undefined;
    const stderr = options.stderr && !options.tty ? await open('stderr') : undefined;
    const sizes = options.tty ? await open('resize') : undefined;
    // Their own directions carry nothing: the server need not wait for them.
    for (const stream of [error, stdout, stderr]) stream?.output.end();
    for (const stream of [stdin, sizes]) stream?.input.destroy();
    const status = exitCode(op, connection, error.input, [stdout?.input, stderr?.input], signal);
    // It is the caller's to await, perhaps only after the outputs.
    status.catch(() => undefined);
    return {
      stdin: stdin?.output,
      stdout: stdout?.input,
      stderr: stderr?.input,
      resize: ({ width, height }) => {
        // A stream that is over takes no size, nor needs one.
        if (sizes?.output.writable) sizes.output.write(JSON.stringify({ Width: width, Height: height }));
      },
      status,
    };
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

async function exitCode(
  op: string,
  connection: SpdyConnection,
  error: Readable,
  outputs: (Readable | undefined)[],
  signal: AbortSignal | undefined,
): Promise<number> {
  try {
    const text = await readStatus(op, error);
    for (const output of outputs) if (output) await finished(output);
    const outcome = decodeOutcome(text);
    if (outcome.kind === 'exited') return outcome.code;
    throw new BerthError('program-failed', { op, detail: outcome.message, remedy: 'see the message' });
  } catch (cause) {
    if (signal?.aborted) throw abortError(signal, op);
    if (cause instanceof BerthError) throw cause;
    throw new BerthError('stream-protocol', { op, detail: messageOf(cause), cause });
  } finally {
    void connection.close();
  }
}

async function readStatus(op: string, error: Readable): Promise<string> {
  let text = '';
  for await (const chunk of error.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > maxStatusBytes) {
      throw new BerthError('stream-protocol', { op, detail: 'the status on the error stream has no end' });
    }
  }
  return text;
}
