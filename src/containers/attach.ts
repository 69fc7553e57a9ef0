import { abortError } from '../base';
import type { Monitor } from '../runtime';
import { feed, outputTo, TerminalSizes } from './client-streams';
import type { ExecStreams } from './containers';
import { exitCodeOf } from './exit';

/**
 * Joins a client's streams to a container's own until the container ends, and gives its exit code. A client that goes is
 * detached, which changes nothing for the container; one that does not read is by the monitor (`stream-slow`).
 */
export async function attachStreams(monitor: Monitor, containerId: string, streams: ExecStreams): Promise<number> {
  const { stdin, stdout, stderr, signal } = streams;
  const asked = { stdin: stdin !== undefined, stdout: stdout !== undefined, stderr: stderr !== undefined };
  const sizes = new TerminalSizes(streams);
  const session = monitor.attach(asked, outputTo(streams));
  const detach = () => session.detach();
  signal.addEventListener('abort', detach, { once: true });
  if (signal.aborted) detach();
  try {
    await session.started;
    void feed(session, stdin);
    void sizes.follow(session);
    const end = await session.end;
    if (end.kind === 'detached') throw abortError(signal, 'Attach', `container ${containerId}`);
    return exitCodeOf(end.status);
  } finally {
    signal.removeEventListener('abort', detach);
    session.detach();
  }
}
