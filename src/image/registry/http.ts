import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { request } from 'undici';
import { isBerthError } from '../../base';
import { discard, protocolError } from './body';
import { connectionError } from './connection-error';
import type { Connections } from './connections';
import { type Endpoint, httpUrl } from './endpoint';
import type { Meter } from './meter';
import type { ChooseProxy } from './proxy/proxies';
import type { TrustStore } from './tls/trust';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** On whose behalf it is sent: says which certificates are trusted. */
  readonly endpoint: Endpoint;
  readonly meter: Meter;
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
  readonly meter: Meter;
}

export interface HttpOptions {
  readonly connections: Connections;
  readonly trust: TrustStore;
  readonly proxyFor: ChooseProxy;
  /** Milliseconds without a byte until an answer counts as broken off. */
  readonly idleMs: number;
}

const redirectLimit = 10;
const redirectStatus = new Set([301, 302, 303, 307, 308]);
const userAgent = 'berth';

/** The requests of one process to registries. */
export class Http {
  constructor(private readonly options: HttpOptions) {}

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
    await this.options.connections.close();
  }

  private async sendOnce(asked: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const { method, url, headers, body, endpoint, meter } = asked;
    const { connections, trust, idleMs } = this.options;
    const proxy = this.options.proxyFor(url);
    try {
      const dispatcher = await connections.to(url, await trust.trustOf(url, endpoint), proxy);
      const timeouts = { headersTimeout: idleMs, bodyTimeout: idleMs };
      const answer = await meter.await(request(url, { method, headers, body, dispatcher, signal, ...timeouts }));
      // Until someone reads it, a body that breaks must not end the process; who reads it is told.
      answer.body.on('error', () => undefined);
      const { statusCode: status } = answer;
      return { method, url, status, headers: answer.headers, body: answer.body, signal, meter };
    } catch (error) {
      if (isBerthError(error)) throw error;
      throw connectionError({ method, url, ...(proxy && { proxy }) }, error, signal);
    }
  }
}
