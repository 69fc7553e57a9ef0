import type { Log } from '../../base';
import type { Session } from '../session';
import type { ClientStreams } from '../target';
import type { RemoteCommand } from './command';
import { type CommandOutcome, outcomeOf } from './status';

/** A command's streams on some transport. */
export interface CommandChannels {
  /** The streams, when the client has opened all of them. Rejects `stream-protocol` if it does not in time. */
  opened(): Promise<ClientStreams>;
  /** Sends what is left of the output, then how the command ended, then closes. Never rejects. */
  finish(outcome: CommandOutcome): Promise<void>;
  /** Gives the connection up: the client is told, the streams break, their signal is aborted. */
  stop(): void;
}

/** Runs a command with a client's streams and tells the client how it ended. */
export function commandSession(command: RemoteCommand, channels: CommandChannels, log: Log): Session {
  const run = async () => {
    const outcome = await outcomeOf(channels.opened().then((streams) => command.run(streams)));
    await channels.finish(outcome);
    log.debug({ outcome, container: command.request.containerId }, `${command.verb} session over`);
  };
  return { over: run(), stop: () => channels.stop() };
}
