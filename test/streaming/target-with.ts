import { BerthError } from '../../src/base';
import type { StreamTarget } from '../../src/streaming';

/** A target of which only some is asked for. */
export function targetWith(some: Partial<StreamTarget>): StreamTarget {
  const unasked = () => Promise.reject(new BerthError('internal', { op: 'test', detail: 'not to be asked for here' }));
  const never = () => new AbortController().signal;
  return { exec: unasked, attach: unasked, dial: unasked, untilStopped: never, ...some };
}
