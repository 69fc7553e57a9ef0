import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

/**
 * The longest message that is taken. A client may send all of its input as one message, which is held until it is whole:
 * with this a session has its bound.
 */
export const maxMessageBytes = 4 * 1024 * 1024;

/** Milliseconds that a peer has for its side of the closing handshake. */
const closeTimeout = 5_000;

// Compression would cost a window of zlib for each session, and what is sent is often compressed already.
const options = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: maxMessageBytes,
  closeTimeout,
};

/**
 * Answers the upgrade, with 101 or with an error of its own, and hands over the WebSocket in the first case. The
 * subprotocol has been chosen from the request before: `ws` takes none with a slash in its name, as Kubernetes has one, so
 * it gets to see no header with them. Empty is none.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
  use: (webSocket: WebSocket) => void,
): void {
  delete request.headers['sec-websocket-protocol'];
  const server = new WebSocketServer(options);
  if (protocol) server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  server.handleUpgrade(request, socket, head, use);
}
