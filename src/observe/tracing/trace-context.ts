import { randomBytes } from 'node:crypto';
import type { JobFacts } from '../../base';

/** Where a span stands (W3C Trace Context); ids in hex, as OTLP's JSON has them. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  /** The caller's span; undefined for the first of a trace. */
  readonly parentId: string | undefined;
  /** Passed on as it came. */
  readonly state: string;
}

/** Of version 00; a later one may have more behind it. */
const traceparent =
  /^(?!ff)(?:00(?=.{53}$)|(?!00)[0-9a-f]{2})-(?<traceId>(?!0{32})[0-9a-f]{32})-(?<parentId>(?!0{16})[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?:-|$)/;

/** Of a trace id: the digits whose randomness is promised, and how many values they have. */
const randomDigits = 14;
const randomValues = 16 ** randomDigits;

/**
 * The span of an RPC, if it is to be sampled: what the caller's flag says counts; a call that is part of no trace is the first
 * of one, for so many of a million. A header that cannot be read is none.
 */
export function sampled(trace: JobFacts['trace'], perMillion: number): SpanContext | undefined {
  const { traceId, parentId, flags } = traceparent.exec(trace?.parent ?? '')?.groups ?? {};
  if (traceId !== undefined && parentId !== undefined && flags !== undefined) {
    if ((Number.parseInt(flags, 16) & 1) === 0) return undefined;
    return { traceId, spanId: newSpanId(), parentId, state: trace?.state ?? '' };
  }
  if (perMillion === 0) return undefined;
  const first = randomBytes(16).toString('hex');
  const drawn = Number.parseInt(first.slice(-randomDigits), 16) / randomValues;
  return drawn < perMillion / 1e6 ? { traceId: first, spanId: newSpanId(), parentId: undefined, state: '' } : undefined;
}

export function newSpanId(): string {
  return randomBytes(8).toString('hex');
}
