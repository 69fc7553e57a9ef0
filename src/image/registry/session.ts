import { type Log, messageOf, pause } from '../../base';
import type { Credentials } from '../credentials';
import { Authorizer } from './authorizer';
import { discard, protocolError } from './body';
import { parseChallenges } from './challenge';
import { isReset } from './connection-error';
import type { Endpoint } from './endpoint';
import type { Http, HttpResponse } from './http';
import { backoff, type Patience, retryDelay } from './retry';
import { statusError } from './status-error';

export interface SessionOptions {
  readonly http: Http;
  readonly endpoint: Endpoint;
  readonly credentials: Credentials;
  readonly patience: Patience;
  /** Whether temporary failures are waited for: with another endpoint behind this one they are not. */
  readonly last: boolean;
  readonly log: Log;
}

/** Authenticated requests to one endpoint for the length of one pull. */
export class Session {
  private readonly authorizer: Authorizer;
  private origin: Promise<URL> | undefined;

  constructor(private readonly options: SessionOptions) {
    this.authorizer = new Authorizer(options.http, options.endpoint, options.credentials);
  }

  /**
   * GET below `/v2/<repository>/`. Answers whatever the registry finally says; at most 5 tries, of which two may
   * be spent on a fresh token.
   */
  async get(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpResponse> {
    const { endpoint, patience } = this.options;
    const origin = await this.ping(signal);
    const url = new URL(`/v2/${endpoint.path}/${path}`, origin);
    let refusals = 0;
    for (let attempt = 1; ; attempt++) {
      const authorization = await this.authorizer.header(signal);
      const denied = authorization === undefined ? this.authorizer.denied() : undefined;
      if (denied) throw denied;
      const auth: Record<string, string> = authorization === undefined ? {} : { authorization };
      const response = await this.attempt(url, { ...headers, ...auth }, attempt, signal);
      if (!response) continue;
      if (attempt >= patience.attempts) return response;
      if (response.status === 401) {
        const challenges = parseChallenges(response.headers['www-authenticate']);
        const short = challenges.some(({ params }) => params.get('error') === 'insufficient_scope');
        const again = this.authorizer.refused(challenges, authorization);
        if (!again || (refusals++ > 0 && !short)) return response;
        discard(response.body);
        continue;
      }
      const delay = this.options.last ? retryDelay(response, attempt, patience) : undefined;
      if (delay === undefined) return response;
      discard(response.body);
      this.options.log.info({ registry: endpoint.host, status: response.status, delay }, 'registry asks to wait');
      await pause(delay, signal, 'wait for the registry');
    }
  }

  // Undefined: the connection broke and a next try is due.
  private async attempt(
    url: URL,
    headers: Readonly<Record<string, string>>,
    attempt: number,
    signal: AbortSignal,
  ): Promise<HttpResponse | undefined> {
    const { http, endpoint, patience, last, log } = this.options;
    try {
      return await http.send({ method: 'GET', url, headers, insecure: endpoint.insecure }, signal);
    } catch (error) {
      if (signal.aborted || !last || attempt >= patience.attempts || !isReset(error)) throw error;
      log.info({ registry: endpoint.host, cause: messageOf(error) }, 'connection to the registry broke, asking again');
      await pause(backoff(attempt, patience), signal, 'wait for the registry');
      return undefined;
    }
  }

  /** Finds out, once, which origin speaks the registry protocol and how it authenticates (distribution spec, end-1). */
  private ping(signal: AbortSignal): Promise<URL> {
    this.origin ??= this.findOrigin(signal);
    return this.origin;
  }

  private async findOrigin(signal: AbortSignal): Promise<URL> {
    const { endpoint, log } = this.options;
    let failure: unknown;
    for (const origin of endpoint.origins) {
      try {
        return await this.pingOrigin(origin, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        log.debug({ origin: origin.href, cause: messageOf(error) }, 'registry does not answer here');
        failure = error;
      }
    }
    throw failure;
  }

  private async pingOrigin(origin: URL, signal: AbortSignal): Promise<URL> {
    const { patience, last } = this.options;
    for (let attempt = 1; ; attempt++) {
      const response = await this.attempt(new URL('/v2/', origin), {}, attempt, signal);
      if (!response) continue;
      if (response.status === 200 || response.status === 401) {
        this.authorizer.offer(parseChallenges(response.headers['www-authenticate']));
        if (response.status === 401 && response.headers['www-authenticate'] === undefined) {
          throw protocolError(response, 'the refusal does not say how to authenticate');
        }
        discard(response.body);
        return origin;
      }
      const delay = last && attempt < patience.attempts ? retryDelay(response, attempt, patience) : undefined;
      if (delay === undefined) throw await statusError(response, 'registry-protocol');
      discard(response.body);
      await pause(delay, signal, 'wait for the registry');
    }
  }
}
