import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { BerthError, abortError, messageOf } from '../../base';

/** Connects to a URL of the streaming server and changes over to SPDY, with this protocol on it. `op` stands in errors. */
export function upgrade(
  op: string,
  url: string,
  protocol: string,
  signal: AbortSignal | undefined,
): Promise<{ socket: Duplex; head: Buffer }> {
  const secure = url.startsWith('https://');
  if (!secure && !url.startsWith('http://')) {
    throw new BerthError('stream-protocol', { op, detail: `${url} is no http URL` });
  }
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(url, {
      method: 'POST',
      signal,
      // The URL came over the daemon's own socket and leads to this machine. The certificate is for those who come from elsewhere.
      ...(secure && { rejectUnauthorized: false }),
      headers: { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': protocol },
    });
    request.on('upgrade', (response, socket, head) => {
      if (response.headers['x-stream-protocol-version'] === protocol) {
        resolve({ socket, head });
        return;
      }
      socket.destroy();
      reject(new BerthError('stream-protocol', { op, detail: `the server does not speak ${protocol}` }));
    });
    request.on('response', (response) => void refusal(op, response).then(reject, reject));
    request.on('error', (cause) => {
      if (signal?.aborted) reject(abortError(signal, op));
      else reject(new BerthError('stream-protocol', { op, detail: `connect: ${messageOf(cause)}`, cause }));
    });
    request.end();
  });
}

/** The error for a server that answered without upgrading. */
async function refusal(op: string, response: IncomingMessage): Promise<BerthError> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > 1000) break;
  }
  const code = response.statusCode === 404 ? 'stream-token-unknown' : 'stream-protocol';
  return new BerthError(code, { op, detail: `the server answered ${response.statusCode}: ${text.trim()}` });
}
