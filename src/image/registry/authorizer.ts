import { BerthError } from '../../base';
import { basicHeader, type Credentials } from '../credentials';
import type { Challenge } from './challenge';
import { printable } from './endpoint';
import type { PatientHttp } from './patient';
import { fetchToken, type Token } from './token';

/** A token about to expire is not begun with. Milliseconds. */
const margin = 5000;

/** The Authorization of requests to one endpoint: challenges as they come, one token per scope. */
export class Authorizer {
  private challenges: readonly Challenge[] = [];
  private from: URL | undefined;
  private readonly scopes: Set<string>;
  private readonly tokens = new Map<string, Promise<Token>>();

  constructor(
    private readonly http: PatientHttp,
    private readonly credentials: Credentials,
  ) {
    this.scopes = new Set([`repository:${http.endpoint.path}:pull`]);
  }

  /** What the ping of this address was answered with. */
  offer(challenges: readonly Challenge[], from: URL): void {
    this.challenges = challenges;
    this.from = from;
  }

  /** The header's value: the first offered scheme that these credentials can serve. */
  async header(signal: AbortSignal): Promise<string | undefined> {
    const { credentials } = this;
    if (credentials.kind === 'bearer') return `Bearer ${credentials.token}`;
    for (const challenge of this.challenges) {
      if (challenge.scheme === 'bearer') return `Bearer ${(await this.token(challenge, signal)).value}`;
      if (challenge.scheme === 'basic' && credentials.kind === 'basic') {
        return basicHeader(credentials.username, credentials.password);
      }
    }
    return undefined;
  }

  /**
   * Takes the challenges of a 401 into account and says whether asking again can end otherwise: with a fresh
   * token or a scheme not tried yet, never with the password that was just refused.
   */
  refused(challenges: readonly Challenge[], sent: string | undefined): boolean {
    if (this.credentials.kind === 'bearer' || challenges.length === 0) return false;
    this.challenges = challenges;
    this.tokens.clear();
    for (const { params } of challenges) {
      if (params.get('error') === 'insufficient_scope') {
        for (const scope of (params.get('scope') ?? '').split(' ').filter(Boolean)) this.scopes.add(scope);
      }
    }
    const bearer = challenges.some(({ scheme }) => scheme === 'bearer');
    const basic = challenges.some(({ scheme }) => scheme === 'basic') && this.credentials.kind === 'basic';
    return bearer || (basic && !sent?.startsWith('Basic '));
  }

  /** The error for an endpoint that wants credentials when there are none that fit. */
  denied(): BerthError | undefined {
    const schemes = this.challenges.map(({ scheme }) => scheme);
    if (this.challenges.length === 0 || schemes.includes('bearer')) return undefined;
    if (schemes.includes('basic') && this.credentials.kind === 'basic') return undefined;
    return new BerthError('registry-denied', {
      op: 'ask registry',
      object: this.from ? printable(this.from) : this.http.endpoint.host,
      detail: `it wants ${schemes.join(' or ')} authentication and there are no such credentials for it`,
    });
  }

  // One request per scope, however many layers wait for it.
  private async token(challenge: Challenge, signal: AbortSignal): Promise<Token> {
    const scopes = [...this.scopes];
    const key = scopes.join(' ');
    for (;;) {
      const known = this.tokens.get(key);
      if (known === undefined) break;
      const token = await known;
      if (token.expiresAt - margin > Date.now()) return token;
      // Of all that saw it expire the first asks for another; the rest wait for that one.
      if (this.tokens.get(key) === known) break;
    }
    const fetching = fetchToken(this.http, { challenge, scopes, credentials: this.credentials }, signal);
    this.tokens.set(key, fetching);
    try {
      return await fetching;
    } catch (error) {
      if (this.tokens.get(key) === fetching) this.tokens.delete(key);
      throw error;
    }
  }
}
