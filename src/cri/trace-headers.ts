import type { Metadata } from '@grpc/grpc-js';

/** A call's headers, as far as it has any. */
export interface WithMetadata {
  readonly metadata?: Pick<Metadata, 'get'>;
}

/** Bytes of a traceparent that are read, far more than one has, and of the longest tracestate that has to be passed on (W3C Trace Context). */
const parentBytes = 256;
const stateBytes = 512;

/** The trace that the caller's request is part of; undefined if it says none. What it says is read where spans are made. */
export function traceOf({ metadata }: WithMetadata): { parent: string; state: string } | undefined {
  const [parent] = metadata?.get('traceparent') ?? [];
  if (typeof parent !== 'string') return undefined;
  const state = metadata?.get('tracestate').join(',') ?? '';
  return { parent: parent.slice(0, parentBytes), state: state.length > stateBytes ? '' : state };
}
