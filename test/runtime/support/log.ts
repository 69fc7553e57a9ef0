import type { LogEvent } from '../../../src/runtime/monitor/events';
import { expectWelcome, MonitorConnection } from '../../../src/runtime/monitor/connection';
import { decodeLog, encodeSubscribe, frameType, role } from '../../../src/runtime/monitor/protocol';
import type { Workspace } from './bundle';
import { TestContainer } from './container';

/** A container that only waits: what it shall say is written to init's own streams. */
export async function sleeper(
  workspace: Workspace,
  options: { logPath?: string; otherLogs?: readonly string[] } = {},
): Promise<TestContainer> {
  return TestContainer.start(workspace, { args: ['sleep', '1000'], ...options });
}

/** Resolves when the script has ended; its output is in the pipes then. */
export async function say(container: TestContainer, script: string): Promise<void> {
  const { status } = await container.exec(['sh', '-c', `{ ${script}; } >/proc/1/fd/1 2>/proc/1/fd/2`]);
  expect(status).toEqual({ kind: 'exited', code: 0 });
}

/** What a monitor tells of its first log. */
export class LogEvents {
  private constructor(
    private readonly connection: MonitorConnection,
    private readonly frames: ReturnType<MonitorConnection['frames']>,
  ) {}

  static async of(container: TestContainer): Promise<LogEvents> {
    const connection = MonitorConnection.open(container.request.socketPath, role.events);
    const frames = connection.frames();
    await expectWelcome(connection, frames);
    await connection.send(frameType.subscribe, 2, encodeSubscribe(['log']));
    expect((await frames.next()).value).toMatchObject({ type: frameType.ok, tag: 2 });
    return new LogEvents(connection, frames);
  }

  async next(): Promise<LogEvent> {
    const frame = await this.frames.next();
    if (frame.done) throw new Error('the monitor has closed the connection');
    return decodeLog(frame.value.payload);
  }

  close(): void {
    this.connection.destroy();
  }
}

/** The first line that is not the number after the one before it; undefined if none is. */
export function firstGap(log: string, first: number): string | undefined {
  let expected = first;
  for (let at = 0; at < log.length; expected++) {
    const end = log.indexOf('\n', at);
    const line = log.slice(at, end);
    if (end < 0 || line.slice(31) !== `stdout F ${expected}`) return line;
    at = end + 1;
  }
  return undefined;
}
