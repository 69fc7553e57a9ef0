import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { BerthError, messageOf } from '../base';
import type { ExecEnd, ExecSession, Monitor } from '../runtime';
import { processSpec } from '../spec';
import { readSpec } from './bundle';
import type { ExecCommand, ExecStreams, ExecSyncResult } from './containers';
import { exitCodeOf } from './exit';

/** What ExecSync keeps of each output stream: the peers' limit, against CVE-2022-31030. */
const outputCap = 16 * 1024 ** 2;

/** Runs a command to its end and gives its output (CRI ExecSync). A timeout of 0 seconds is none. */
export async function execSync(
  monitor: Monitor,
  configPath: string,
  request: { containerId: string; cmd: readonly string[]; timeoutSeconds: number },
  signal?: AbortSignal,
): Promise<ExecSyncResult> {
  const { containerId, cmd, timeoutSeconds } = request;
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const process = await execProcess(configPath, { containerId, cmd, tty: false });
  const session = monitor.exec(
    { process, stdin: false, tty: false, timeoutMs: timeoutSeconds * 1000, outputCap },
    { stdout: (data) => void out.push(data), stderr: (data) => void err.push(data) },
  );
  const end = await finish(session, containerId, signal);
  if (end.timedOut) {
    throw new BerthError('deadline-exceeded', {
      op: 'ExecSync',
      object: `container ${containerId}`,
      detail: `the command did not end within ${timeoutSeconds} s and was killed with everything it started`,
      remedy: 'give it a longer timeout, or see why it hangs',
    });
  }
  return { stdout: Buffer.concat(out), stderr: Buffer.concat(err), exitCode: exitCodeOf(end.status) };
}

/** Runs a command with a client's streams and gives its exit code. */
export async function execStreams(
  monitor: Monitor,
  configPath: string,
  command: ExecCommand,
  streams: ExecStreams,
): Promise<number> {
  const process = await execProcess(configPath, command);
  const session = monitor.exec(
    { process, stdin: streams.stdin !== undefined, tty: command.tty, timeoutMs: 0, outputCap: 0 },
    {
      stdout: (data) => writeTo(streams.stdout, data, streams.signal),
      stderr: (data) => writeTo(streams.stderr, data, streams.signal),
    },
  );
  if (streams.stdin) void feed(session, streams.stdin);
  const end = await finish(session, command.containerId, streams.signal);
  streams.stdout?.end();
  streams.stderr?.end();
  return exitCodeOf(end.status);
}

/** The command's process: the container's own user, environment and limits, with other arguments. */
async function execProcess(configPath: string, command: ExecCommand): Promise<object> {
  return processSpec(await readSpec(configPath, command.containerId), command);
}

/** Waits for the end; a caller that gives up kills the command's tree, and the end is still awaited. */
async function finish(session: ExecSession, containerId: string, signal?: AbortSignal): Promise<ExecEnd> {
  const kill = () => session.kill();
  signal?.addEventListener('abort', kill, { once: true });
  if (signal?.aborted) kill();
  try {
    await session.started;
    return await session.end;
  } catch (error) {
    if (error instanceof BerthError) throw error;
    throw new BerthError('runtime-failed', {
      op: 'exec',
      object: `container ${containerId}`,
      detail: messageOf(error),
      cause: error,
    });
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

/** Hands the client's input on. A client whose input breaks off has ended it: what it sent before counts. */
async function feed(session: ExecSession, stdin: NonNullable<ExecStreams['stdin']>): Promise<void> {
  try {
    for await (const chunk of stdin) await session.writeStdin(chunk as Buffer);
    await session.closeStdin();
  } catch (error) {
    // The command has ended and takes no input any more, or the client is gone: finish() tells either.
    stdin.destroy(error instanceof Error ? error : undefined);
  }
}

async function writeTo(stream: Writable | undefined, data: Buffer, signal: AbortSignal): Promise<void> {
  if (!stream || stream.destroyed || signal.aborted) return;
  if (!stream.write(data)) await once(stream, 'drain', { signal });
}
