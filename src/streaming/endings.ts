import { BerthError } from '../base';

/** The peer is gone, or says that it goes. */
export function goneError(): BerthError {
  return new BerthError('call-cancelled', { op: 'stream', detail: 'the peer closed the connection' });
}

/** Nothing has moved for so many milliseconds. */
export function idleError(ms: number): BerthError {
  return new BerthError('deadline-exceeded', { op: 'stream', detail: `nothing was sent for ${ms / 1000} s` });
}

/** `berthd stops`: sessions end with it. */
export function stopError(op: string): BerthError {
  return new BerthError('daemon-stopping', { op, detail: 'berthd stops' });
}
