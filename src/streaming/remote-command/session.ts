import { BerthError, type Log, abortable, anySignal, throwIfAborted } from '../../base';
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

/** Milliseconds that a client has to fetch how its command ended when berthd stops. */
const farewellMs = 2_000;

/**
 * Runs a command with a client's streams and tells the client how it ended. A stop of berthd is told too: a client that
 * reads no status, as kubectl, takes the end of its connection for success.
 */
export function commandSession(command: RemoteCommand, channels: CommandChannels, log: Log): Session {
  const { verb, request } = command;
  const stopping = new AbortController();
  const run = async () => {
    const streams = await abortable(channels.opened(), stopping.signal, verb);
    try {
      return await command.run({ ...streams, signal: anySignal(streams.signal, stopping.signal) });
    } finally {
      // What was cut off has an end of its own, or words of its own for that: the stop is what the client has to know.
      throwIfAborted(stopping.signal, verb);
    }
  };
  const tell = async (outcome: CommandOutcome) => {
    await channels.finish(outcome);
    log.debug({ outcome, container: request.containerId }, `${verb} session over`);
  };
  const over = outcomeOf(run()).then(tell);
  return {
    over,
    stop: () => {
      const end = verb === 'exec' ? 'the command was ended' : 'the container runs on';
      stopping.abort(new BerthError('daemon-stopping', { op: verb, detail: `berthd stops, ${end}` }));
      const timer = setTimeout(() => channels.stop(), farewellMs);
      void over.then(() => clearTimeout(timer));
    },
  };
}
