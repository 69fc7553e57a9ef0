import type { AttachStreamRequest, ClientStreams, ExecStreamRequest, StreamTarget } from '../target';

/** An exec or an attach that a client has come for: which streams it has, and what runs it. */
export interface RemoteCommand {
  readonly verb: 'exec' | 'attach';
  readonly request: AttachStreamRequest;
  /** Gives the exit code. */
  run(streams: ClientStreams): Promise<number>;
}

export function execCommand(request: ExecStreamRequest, target: StreamTarget): RemoteCommand {
  return { verb: 'exec', request, run: (streams) => target.exec(request, streams) };
}

export function attachCommand(request: AttachStreamRequest, target: StreamTarget): RemoteCommand {
  return { verb: 'attach', request, run: (streams) => target.attach(request, streams) };
}
