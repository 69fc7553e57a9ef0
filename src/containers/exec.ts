import { BerthError, messageOf, stage } from '../base';
import type { ExecEnd, ExecSession, Monitor } from '../runtime';
import { processSpec } from '../spec';
import { readSpec } from './bundle';
import { feed, outputTo, TerminalSizes } from './client-streams';
import type { ExecCommand, ExecStreams, ExecSyncResult } from './containers';
import { exitCodeOf } from './exit';

/** What ExecSync keeps of each output stream: the peers' limit, against CVE-2022-31030. */
const outputCap = 16 * 1024 ** 2;

/** Runs a command to its end and gives its output (CRI ExecSync). A timeout of 0 seconds is none. */
export async function execSync(
  monitor: Pick<Monitor, 'exec'>,
  configPath: string,
  request: { containerId: string; cmd: readonly string[]; timeoutSeconds: number },
  signal?: AbortSignal,
): Promise<ExecSyncResult> {
  const { containerId, cmd, timeoutSeconds } = request;
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const process = processSpec(await readSpec(configPath, containerId), { containerId, cmd, tty: false });
  const session = monitor.exec(
    { process, stdin: false, tty: false, timeoutMs: timeoutSeconds * 1000, outputCap },
    { stdout: (data) => void out.push(data), stderr: (data) => void err.push(data) },
  );
  const end = await stage('waiting for the command', () => finish(session, containerId, signal));
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
  monitor: Pick<Monitor, 'exec'>,
  configPath: string,
  command: ExecCommand,
  streams: ExecStreams,
): Promise<number> {
  const sizes = new TerminalSizes(streams);
  const spec = await readSpec(configPath, command.containerId);
  // Where the client's size has come by now the command is born with it: no shell draws its prompt for another.
  const process = processSpec(spec, { ...command, consoleSize: sizes.first });
  const session = monitor.exec(
    { process, stdin: streams.stdin !== undefined, tty: command.tty, timeoutMs: 0, outputCap: 0 },
    outputTo(streams),
  );
  void feed(session, streams.stdin);
  void sizes.follow(session);
  const end = await finish(session, command.containerId, streams.signal);
  streams.stdout?.end();
  streams.stderr?.end();
  return exitCodeOf(end.status);
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
