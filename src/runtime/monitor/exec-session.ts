import type { ExecOutput, ExecSession, MonitorExec } from './monitor';
import { encodeExec, frameType, role } from './protocol';
import { StdioSession } from './session';

/** Runs a process beside a container's init, on a connection of its own. */
export function startExec(
  socketPath: string,
  containerId: string,
  request: MonitorExec,
  output: ExecOutput,
): ExecSession {
  const first = { role: role.exec, type: frameType.exec, payload: encodeExec(request) };
  const session = new StdioSession(socketPath, { ...first, object: `container ${containerId}` }, output);
  return {
    started: session.started,
    end: session.exit,
    writeStdin: async (data) => session.writeStdin(data),
    closeStdin: async () => session.closeStdin(),
    resize: async (width, height) => session.resize(width, height),
    kill: () => session.giveUp('its caller gave up; the process and all that it started are killed'),
  };
}
