import { pause } from '../base';

/** So many times as long as it has worked does it rest: a quarter of one processor at the most. */
const restFactor = 3;

/**
 * For work in the background that may be long: awaited between its steps, it leaves the machine to others in between. A
 * rest is due after `workMs` milliseconds: few where the event loop itself works, more where other threads do.
 */
export function pacer(op: string, closing: AbortSignal, workMs = 20): () => Promise<void> {
  let begun = performance.now();
  return async () => {
    const worked = performance.now() - begun;
    if (worked < workMs) return;
    await pause(worked * restFactor, closing, op);
    begun = performance.now();
  };
}
