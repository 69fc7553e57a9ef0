import { backoff, parseRetryAfter } from '../../../src/image/registry/retry';

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(parseRetryAfter('120', now)).toBe(120_000);
  expect(parseRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', now)).toBe(30_000);
  expect(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0);
  expect(parseRetryAfter('soon', now)).toBeUndefined();
  expect(parseRetryAfter(undefined, now)).toBeUndefined();
});

test('waits double up to the bound', () => {
  const patience = { attempts: 9, firstWaitMs: 2000, maxWaitMs: 60_000 };
  expect([1, 2, 3, 4, 5, 6, 7].map((attempt) => backoff(attempt, patience))).toEqual([
    2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000,
  ]);
});
