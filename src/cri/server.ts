import { Server, ServerCredentials } from '@grpc/grpc-js';
import { adminService } from './admin-service';
import { imageService } from './image-service';
import { Instrument } from './instrument';
import type { CriParts } from './parts';
import { runtimeService } from './runtime-service';
import { countCalls, SessionRenewal } from './session-renewal';
import { claimSocketPath, restrictSocket } from './socket';

/** CRI and the admin service on one unix socket. */
export interface CriServer {
  /** Binds and answers; all but Info with `daemon-starting` until `ready`. Rejects as `claimSocketPath` does. */
  listen(socketPath: string): Promise<void>;
  /** From now on calls are answered. */
  ready(): void;
  /** Refuses new calls, lets those in flight finish for so many milliseconds, cancels the rest, removes the socket. */
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
  let address: string | undefined;
  const renewal = new SessionRenewal(() => {
    if (address !== undefined) server.drain(address, renewedSessionMs);
  });
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
      await claimSocketPath(socketPath);
      await bind(server, `unix:${socketPath}`);
      address = `unix:${socketPath}`;
      await restrictSocket(socketPath);
    },
    ready: () => instrument.ready(),
    close: async (graceMs) => {
      instrument.stop();
      await shutDown(server, address, graceMs);
    },
  };
}

function bind(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
}

/** grpc-js knows the sessions that `forceShutdown` would end only with channelz; `drain` ends them without. */
function shutDown(server: Server, address: string | undefined, graceMs: number): Promise<void> {
  if (address !== undefined) server.drain(address, graceMs);
  return new Promise((resolve, reject) => {
    server.tryShutdown((error) => (error ? reject(error) : resolve()));
  });
}
