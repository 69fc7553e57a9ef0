import type { AttachEnd, AttachSession, ExecOutput, MonitorAttach } from './monitor';
import { encodeAttach, frameType, role } from './protocol';
import { StdioSession } from './session';

/** Takes part in the streams of a container's init, from now on, on a connection of its own. */
export function startAttach(
  socketPath: string,
  containerId: string,
  request: MonitorAttach,
  output: ExecOutput,
): AttachSession {
  const first = { role: role.attach, type: frameType.attach, payload: encodeAttach(request) };
  const session = new StdioSession(socketPath, { ...first, object: `container ${containerId}` }, output);
  let detached = false;
  const end = session.exit.then(
    ({ status }): AttachEnd => ({ kind: 'ended', status }),
    (error: unknown): AttachEnd => {
      if (detached) return { kind: 'detached' };
      throw error;
    },
  );
  end.catch(() => undefined);
  return {
    started: session.started,
    end,
    writeStdin: async (data) => session.writeStdin(data),
    closeStdin: async () => session.closeStdin(),
    resize: async (width, height) => session.resize(width, height),
    detach: () => {
      detached = true;
      session.giveUp('its caller has detached; the container runs on');
    },
  };
}
