import { silentLog } from '../../base';
import { SpdyConnection } from '../spdy/connection';
import { upgrade } from './upgrade';

/** A SPDY session with the server of a URL; the signal ends it at any time. `op` stands in errors. */
export async function openSession(
  op: string,
  url: string,
  protocol: string,
  signal: AbortSignal | undefined,
): Promise<SpdyConnection> {
  const { socket, head } = await upgrade(op, url, protocol, signal);
  const connection = new SpdyConnection(socket, head, {
    role: 'client',
    log: silentLog(),
    idleTimeoutMs: 0,
    maxStreams: 0,
  });
  const end = () => connection.destroy();
  signal?.addEventListener('abort', end, { once: true });
  void connection.done.then(() => signal?.removeEventListener('abort', end));
  return connection;
}
