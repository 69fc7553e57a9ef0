import type { HttpResponse } from './http';

/** How patient requests are. Milliseconds. */
export interface Patience {
  /** Tries of one request, the first counted. */
  readonly attempts: number;
  /** The wait before the second try; it doubles from there. */
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
}

export const defaultPatience: Patience = { attempts: 5, firstWaitMs: 2000, maxWaitMs: 60_000 };

const temporary = new Set([408, 429, 500, 502, 503, 504]);

/**
 * How long to wait before the same request is sent again: what Retry-After says (RFC 9110, seconds or a date), else
 * doubling. Undefined if the answer is final, or asks for a longer wait than a pull should take.
 */
export function retryDelay(response: HttpResponse, attempt: number, patience: Patience): number | undefined {
  if (!temporary.has(response.status)) return undefined;
  const asked = parseRetryAfter(response.headers['retry-after'], Date.now());
  if (asked !== undefined) return asked <= patience.maxWaitMs ? asked : undefined;
  return backoff(attempt, patience);
}

/** The wait after so many tries. */
export function backoff(attempt: number, patience: Patience): number {
  return Math.min(patience.firstWaitMs * 2 ** (attempt - 1), patience.maxWaitMs);
}

/** Retry-After in milliseconds from now, or undefined if there is none that can be read. */
export function parseRetryAfter(header: unknown, now: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\s*[0-9]+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
