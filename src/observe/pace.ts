import { pause } from '../base';

/** Milliseconds of work after which a rest is due. */
const workMs = 20;

/** So many times as long as it has worked does it rest: a quarter of one processor at the most. */
const restFactor = 3;

/** For work in the background that may be long: awaited between its steps, it leaves the machine to others in between. */
export function pacer(closing: AbortSignal): () => Promise<void> {
  let begun = performance.now();
  return async () => {
    const worked = performance.now() - begun;
    if (worked < workMs) return;
    await pause(worked * restFactor, closing, 'measure writable layers');
    begun = performance.now();
  };
}
