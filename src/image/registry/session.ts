import { messageOf } from '../../base';
import type { Credentials } from '../credentials';
import { Authorizer } from './authorizer';
import { discard, protocolError } from './body';
import { parseChallenges } from './challenge';
import type { HttpResponse } from './http';
import { PatientHttp, type PatientOptions } from './patient';
import { statusError } from './status-error';

export interface SessionOptions extends PatientOptions {
  readonly credentials: Credentials;
}

/** Authenticated requests to one endpoint for the length of one pull. */
export class Session {
  readonly http: PatientHttp;
  private readonly authorizer: Authorizer;
  private origin: Promise<URL> | undefined;

  constructor(private readonly options: SessionOptions) {
    this.http = new PatientHttp(options);
    this.authorizer = new Authorizer(this.http, options.credentials);
  }

  /**
   * GET below `/v2/<repository>/`. Answers whatever the registry finally says; of its 5 tries at most two follow a
   * refusal: one with a fresh token, one with a wider scope if the registry asks for that.
   */
  async get(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpResponse> {
    const origin = await this.ping(signal);
    const url = new URL(`/v2/${this.options.endpoint.path}/${path}`, origin);
    const tries = this.http.tries();
    const spent = { fresh: false, wider: false };
    for (;;) {
      const authorization = await this.authorizer.header(signal);
      const denied = authorization === undefined ? this.authorizer.denied() : undefined;
      if (denied) throw denied;
      const auth: Record<string, string> = authorization === undefined ? {} : { authorization };
      const response = await this.http.send({ method: 'GET', url, headers: { ...headers, ...auth } }, tries, signal);
      if (response.status !== 401 || tries.over) return response;
      const challenges = parseChallenges(response.headers['www-authenticate']);
      const reason = challenges.some(({ params }) => params.get('error') === 'insufficient_scope') ? 'wider' : 'fresh';
      if (!this.authorizer.refused(challenges, authorization) || spent[reason]) return response;
      spent[reason] = true;
      discard(response.body);
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
    const asked = { method: 'GET', url: new URL('/v2/', origin), headers: {} } as const;
    const response = await this.http.send(asked, this.http.tries(), signal);
    if (response.status !== 200 && response.status !== 401) throw await statusError(response, 'registry-protocol');
    discard(response.body);
    if (response.status === 401 && response.headers['www-authenticate'] === undefined) {
      throw protocolError(response, 'the refusal does not say how to authenticate');
    }
    this.authorizer.offer(parseChallenges(response.headers['www-authenticate']), response.url);
    return origin;
  }
}
