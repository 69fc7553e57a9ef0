import { Server } from '@grpc/grpc-js';
import { adminService } from './admin-service';
import { imageService } from './image-service';
import { Instrument } from './instrument';
import { type Listener, listenAt, listenOn } from './listener';
import type { CriParts } from './parts';
import { runtimeService } from './runtime-service';
import { countCalls, SessionRenewal } from './session-renewal';

/** CRI and the admin service on one unix socket. */
export interface CriServer {
  /**
   * Binds and answers; all but Info with `daemon-starting` until `ready`, for which events wait. Rejects as
   * `claimSocketPath` does.
   */
  listen(socketPath: string): Promise<void>;
  /** The same on a socket that berthd was started with. Rejects as `listenOn` does. */
  adopt(descriptor: number): Promise<void>;
  /** From now on calls are answered. */
  ready(): void;
  /**
   * Refuses new calls, lets those in flight finish for so many milliseconds, cancels the rest, removes the socket; one that
   * was adopted stays.
   */
  close(graceMs: number): Promise<void>;
}

/** What a single message may hold: as much as CRI-O takes and the kubelet reads. */
const maxMessageBytes = 80 * 1024 * 1024;

/**
 * How long calls that were in flight may go on when their session is renewed: as long as a timer takes. A stream of events
 * has no end, and a kubelet whose streams break a few times goes back to listing.
 */
const renewedSessionMs = 2 ** 31 - 1;

/** The gRPC face of berth. It holds no state but its connections. */
export function createCriServer(parts: CriParts): CriServer {
  const instrument = new Instrument(parts.log, parts.calls);
  let listener: Listener | undefined;
  const renewal = new SessionRenewal(() => listener?.drain(renewedSessionMs));
  const server: Server = new Server({
    interceptors: [countCalls(renewal)],
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.enable_channelz': 0,
  });
  for (const rpc of [...runtimeService(parts), ...imageService(parts), ...adminService(parts, instrument)]) {
    rpc.register(server, instrument);
  }
  return {
    listen: async (socketPath) => {
      listener = await listenAt(server, socketPath);
    },
    adopt: async (descriptor) => {
      listener = await listenOn(server, descriptor);
    },
    ready: () => instrument.ready(),
    close: async (graceMs) => {
      listener?.close();
      // grpc-js knows the sessions that `forceShutdown` would end only with channelz. A reader whose stream ends has been
      // told by then to connect anew: one that calls again at once does not come back to here.
      listener?.drain(graceMs);
      instrument.stop();
      await shutDown(server);
    },
  };
}

function shutDown(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.tryShutdown((error) => (error ? reject(error) : resolve()));
  });
}
