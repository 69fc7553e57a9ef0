import type { WebSocket } from 'ws';
import { BerthError, anySignal } from '../../base';
import { stopError } from '../endings';
import type { Session, SessionParts, WebSocketOffers } from '../session';
import type { PortForwardRequest } from '../target';
import { WebSocketBytes } from '../websocket/byte-stream';
import { ChannelSocket, closeCode } from '../websocket/channel-socket';
import { base64Codec, binaryCodec } from '../websocket/codec';
import type { ClientEnd } from './client-end';
import { forward } from './forward';
import { SpdyPortForward } from './over-spdy';
import { queryPorts } from './ports';
import { portForwardProtocol } from './protocol';

/**
 * Port-forwarding over WebSocket: SPDY in binary messages, as kubectl from 1.31 on has it, and the older channels, two for
 * each port that is known beforehand (kubelet: portforward/websocket.go).
 */
export function portForwardOverWebSocket(
  request: PortForwardRequest,
  query: URLSearchParams,
  parts: SessionParts,
): WebSocketOffers {
  const channels = (codec: typeof binaryCodec, maxPorts: number) => (socket: WebSocket) => {
    const options = { codec, halfClose: false, idleTimeoutMs: parts.idleTimeoutMs, log: parts.log };
    return channelSession(new ChannelSocket(socket, options), request, query, maxPorts, parts);
  };
  return new Map([
    [
      `SPDY/3.1+${portForwardProtocol}`,
      (socket) => new SpdyPortForward(new WebSocketBytes(socket), Buffer.alloc(0), request, parts),
    ],
    // A channel's number has a byte, or a digit.
    ['v4.channel.k8s.io', channels(binaryCodec, 127)],
    ['v4.base64.channel.k8s.io', channels(base64Codec, 5)],
    ['', channels(binaryCodec, 127)],
  ]);
}

/** One connection for each port, dialled at once: the channels have no other beginning, and no end but the WebSocket's. */
function channelSession(
  channels: ChannelSocket,
  request: PortForwardRequest,
  query: URLSearchParams,
  maxPorts: number,
  { target, forwards: places, creationTimeoutMs, log }: SessionParts,
): Session {
  const stopped = target.untilStopped(request);
  const signal = anySignal(channels.signal, stopped);
  const run = async (): Promise<void> => {
    let ports: readonly number[];
    try {
      ports = portsFor(request, query, maxPorts);
    } catch (error) {
      if (!(error instanceof BerthError)) throw error;
      channels.stop(closeCode.policy, error);
      return channels.done;
    }
    const parts = { request, target, places, signal, stallTimeoutMs: creationTimeoutMs };
    await Promise.all(ports.map((port, index) => forward(clientEnd(channels, port, index), parts)));
    await channels.close();
    log.debug('portforward session over');
  };
  return { over: run(), stop: () => channels.stop(closeCode.goingAway, stopError('portforward')) };
}

/** Those of the client's own query, or else those that the URL was asked for with. */
function portsFor(request: PortForwardRequest, query: URLSearchParams, maxPorts: number): readonly number[] {
  const asked = queryPorts(query);
  const ports = asked.length > 0 ? asked : request.ports;
  if (ports.length > 0 && ports.length <= maxPorts) return ports;
  const detail = ports.length === 0 ? 'the port is missing: add ?port=80' : `more than ${maxPorts} ports`;
  throw new BerthError('stream-protocol', { op: 'portforward', detail });
}

function clientEnd(channels: ChannelSocket, port: number, index: number): ClientEnd {
  const data = channels.output(2 * index);
  const error = channels.output(2 * index + 1);
  const head = Buffer.alloc(2);
  head.writeUInt16LE(port);
  data.write(head);
  error.write(head);
  return {
    port,
    input: channels.input(2 * index),
    output: data,
    halfClose: false,
    signal: channels.signal,
    // Nothing tells it to the client but the end of all.
    reset: () => undefined,
    finish: (failure) => new Promise((resolve) => void error.end(failure, () => resolve())),
  };
}
