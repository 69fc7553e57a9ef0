import type { Readable, Writable } from 'node:stream';
import { isBerthError } from '../../base';
import { type ExecClient, type ExecClientOptions, openAttach } from '../../streaming';
import type { Daemon } from '../daemon';
import { CliError } from '../failure';
import { type Io, write } from '../io';
import { passInput } from '../streams/input';
import { followSize } from '../streams/sizes';

/** What of a container's streams `berth run` takes. */
export interface StreamsWanted {
  readonly interactive: boolean;
  readonly tty: boolean;
  /** Empty for none. */
  readonly detachKeys: Buffer;
}

/**
 * A container's own streams, opened before its start, so that nothing is missed. Input and output are sessions of their own: a
 * reader that is too slow loses its output session, which the log makes up for, and keeps its input.
 */
export interface RunStreams {
  readonly input: ExecClient | undefined;
  readonly output: ExecClient;
}

/** How many bytes have been taken of each output. */
export interface Taken {
  stdout: number;
  stderr: number;
}

/** Opens the streams of a created container. Aborting the signal leaves them. */
export async function openStreams(
  daemon: Daemon,
  containerId: string,
  { interactive, tty }: StreamsWanted,
  io: Pick<Io, 'terminal'>,
  signal: AbortSignal,
): Promise<RunStreams> {
  const open = async (streams: ExecClientOptions) =>
    openAttach(await daemon.attachUrl(containerId, streams), streams, signal);
  const output = await open({ stdin: false, stdout: true, stderr: !tty, tty });
  const size = tty ? io.terminal?.size() : undefined;
  // Kept until the container has its terminal: what it draws first is drawn for ours.
  if (size) output.resize(size);
  const input = interactive ? await open({ stdin: true, stdout: false, stderr: false, tty: false }) : undefined;
  return { input, output };
}

/**
 * Joins the streams to ours until the output has been taken to its end, or the keys were pressed. If the output's session
 * breaks, `fromLog` shows what follows what was taken, while the input goes on. Rejects if the input is lost while the
 * container lives.
 */
export async function joinRun(
  { input, output }: RunStreams,
  io: Io,
  wanted: StreamsWanted,
  fromLog: (taken: Taken) => Promise<void>,
): Promise<'complete' | 'detached'> {
  const terminal = wanted.tty ? io.terminal : undefined;
  using passed = input?.stdin && passInput(io, input.stdin, terminal ? wanted.detachKeys : Buffer.alloc(0));
  using _raw = passed && terminal?.raw();
  using _sizes = terminal && followSize(terminal, output);
  const over = takeAll(output, io, fromLog).then(() => 'complete' as const);
  const lost = inputLost(input);
  for (const promise of [over, lost]) promise.catch(() => undefined);
  const detached = passed?.detached.then(() => 'detached' as const);
  return await Promise.race([over, lost, ...(detached ? [detached] : [])]);
}

async function takeAll(output: ExecClient, io: Io, fromLog: (taken: Taken) => Promise<void>): Promise<void> {
  const taken = { stdout: 0, stderr: 0 };
  try {
    await Promise.all([
      take(output.stdout, io.stdout, (bytes) => (taken.stdout += bytes)),
      take(output.stderr, io.stderr, (bytes) => (taken.stderr += bytes)),
    ]);
    await output.status;
  } catch (error) {
    // The session's own failures; one of ours, as a pipe that nobody reads, is no less with the log.
    if (!isBerthError(error)) throw error;
    await fromLog(taken);
  }
}

async function take(from: Readable | undefined, to: Writable, count: (bytes: number) => void): Promise<void> {
  for await (const chunk of from ?? []) {
    if (!(chunk instanceof Buffer)) continue;
    await write(to, chunk);
    count(chunk.length);
  }
}

/** Rejects if the connection of the input breaks; stays pending when it ends with the container. */
function inputLost(input: ExecClient | undefined): Promise<never> {
  return new Promise((_, reject) => {
    input?.status.catch((cause: unknown) => {
      // Of a container whose end is unknown the container's status tells.
      if (isBerthError(cause, 'program-failed')) return;
      reject(new CliError('the connection of its input to the daemon was lost', 1, { cause }));
    });
  });
}
