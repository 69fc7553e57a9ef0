import { randomBytes } from 'node:crypto';
import { BerthError } from '../../base';

/**
 * Requests that wait for their client: each is kept under a random token, for a limited time, and given out once.
 * What has expired goes with the next call; time is `performance.now`, so that a clock set back revives nothing.
 */
export class TokenStore<Request> {
  private readonly waiting = new Map<string, { readonly request: Request; readonly until: number }>();

  constructor(
    private readonly maxTokens: number,
    private readonly lifetimeMs: number,
  ) {}

  /** Keeps the request and gives its token. Throws `stream-too-many`. */
  issue(request: Request): string {
    this.dropExpired();
    if (this.waiting.size >= this.maxTokens) {
      throw new BerthError('stream-too-many', {
        op: 'prepare a stream',
        detail: `${this.waiting.size} URLs have been given out and not used`,
      });
    }
    const token = randomBytes(16).toString('base64url');
    this.waiting.set(token, { request, until: performance.now() + this.lifetimeMs });
    return token;
  }

  /** The token's request, once; undefined if it is unknown, used or too old. */
  take(token: string): Request | undefined {
    this.dropExpired();
    const found = this.waiting.get(token);
    this.waiting.delete(token);
    return found?.request;
  }

  /** All live equally long: the oldest are in front. */
  private dropExpired(): void {
    const now = performance.now();
    for (const [token, { until }] of this.waiting) {
      if (until > now) return;
      this.waiting.delete(token);
    }
  }
}
