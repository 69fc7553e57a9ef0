import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import { discard, protocolError } from './body';
import { connectionError } from './connection-error';
import { httpUrl } from './endpoint';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Accept any certificate. */
  readonly insecure: boolean;
}

/** An answer whose body has to be read or discarded. */
export interface HttpResponse {
  readonly method: string;
  /** After redirects. */
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** The request's: its abort ends the body too. */
  readonly signal: AbortSignal;
}

const redirectLimit = 10;
const redirectStatus = new Set([301, 302, 303, 307, 308]);
const userAgent = 'berth';

/** The connections of one process to registries. */
export class Http {
  private readonly verified: Agent;
  private readonly unverified: Agent;

  constructor(timeouts: { readonly connectMs: number; readonly idleMs: number }) {
    const options = { headersTimeout: timeouts.idleMs, bodyTimeout: timeouts.idleMs };
    this.verified = new Agent({ ...options, connect: { timeout: timeouts.connectMs } });
    this.unverified = new Agent({ ...options, connect: { timeout: timeouts.connectMs, rejectUnauthorized: false } });
  }

  /** Sends, and follows at most 10 redirects of a GET. Credentials stay with the host that they were meant for. */
  async send(asked: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    let { url } = asked;
    const headers: Record<string, string> = { 'user-agent': userAgent, ...asked.headers };
    for (let hops = 0; ; hops++) {
      const response = await this.sendOnce({ ...asked, url, headers }, signal);
      const target =
        asked.method === 'GET' && redirectStatus.has(response.status) ? response.headers.location : undefined;
      if (target === undefined) return response;
      discard(response.body);
      if (hops >= redirectLimit) throw protocolError(response, `more than ${redirectLimit} redirects`);
      const next = httpUrl(target, url);
      if (!next) throw protocolError(response, 'it redirects to no http address');
      if (next.host !== url.host || (url.protocol === 'https:' && next.protocol === 'http:')) {
        delete headers.authorization;
        delete headers.cookie;
      }
      url = next;
    }
  }

  /** Ends all connections; requests in flight fail. */
  async close(): Promise<void> {
    await Promise.all([this.verified.destroy(), this.unverified.destroy()]);
  }

  private async sendOnce(asked: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const { method, url, headers, body, insecure } = asked;
    try {
      const dispatcher = insecure ? this.unverified : this.verified;
      const answer = await request(url, { method, headers, body, dispatcher, signal });
      // Until someone reads it, a body that breaks must not end the process; who reads it is told.
      answer.body.on('error', () => undefined);
      return { method, url, status: answer.statusCode, headers: answer.headers, body: answer.body, signal };
    } catch (error) {
      throw connectionError(method, url, error, signal);
    }
  }
}
