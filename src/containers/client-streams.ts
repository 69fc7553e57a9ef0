import type { Writable } from 'node:stream';
import type { AttachSession, ExecOutput } from '../runtime';
import type { ExecStreams, TerminalSize } from './containers';

/** What a client's streams are joined to: the session of an exec, or of an attach. */
type Stdio = Pick<AttachSession, 'writeStdin' | 'closeStdin' | 'resize'>;

/** Where a session's output goes: to the client, at the client's pace. */
export function outputTo({ stdout, stderr, signal }: ExecStreams): ExecOutput {
  return {
    stdout: (data) => writeTo(stdout, data, signal),
    stderr: (data) => writeTo(stderr, data, signal),
  };
}

/** What a client has closed, by itself or with its connection, takes no more: the rest of its output is dropped. */
function writeTo(stream: Writable | undefined, data: Buffer, signal: AbortSignal): void | Promise<void> {
  if (!stream || stream.destroyed || signal.aborted || stream.write(data)) return;
  return drained(stream, signal);
}

/** By hand, not by `once` with a signal: it is waited for behind nearly every piece of a fast output. */
function drained(stream: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      stream.off('drain', go).off('close', go);
      signal.removeEventListener('abort', go);
      resolve();
    };
    stream.on('drain', go).on('close', go);
    signal.addEventListener('abort', go);
  });
}

/** Hands the client's input on. A client whose input breaks off has ended it: what it sent before counts. */
export async function feed(session: Stdio, stdin: ExecStreams['stdin']): Promise<void> {
  if (!stdin) return;
  try {
    for await (const chunk of stdin) await session.writeStdin(chunk as Buffer);
    await session.closeStdin();
  } catch (error) {
    // The process has ended and takes no input any more, or the client is gone: the session's end tells either.
    stdin.destroy(error instanceof Error ? error : undefined);
  }
}

/** The sizes of the client's terminal, read from now on: the first may be there before the process is. */
export class TerminalSizes {
  private readonly sizes: AsyncIterator<TerminalSize> | undefined;
  private next: Promise<IteratorResult<TerminalSize>> | undefined;
  private known: TerminalSize | undefined;

  constructor({ resize }: ExecStreams) {
    this.sizes = resize?.[Symbol.asyncIterator]();
    this.next = this.sizes?.next().then((result) => {
      if (!result.done) this.known = result.value;
      return result;
    });
    // It is waited for in `follow`, where an error ends the following.
    this.next?.catch(() => undefined);
  }

  /** The first size, if it has come. */
  get first(): TerminalSize | undefined {
    return this.known;
  }

  /** Hands them on until they or the session end. */
  async follow(session: Stdio): Promise<void> {
    try {
      for (let result = await this.next; result && !result.done; result = await this.sizes?.next()) {
        await session.resize(result.value.width, result.value.height);
      }
    } catch {
      // As with the input: the session's end tells what happened.
    }
  }
}
