import { setTimeout as delay } from 'node:timers/promises';
import { slow } from '../../test/slow.cjs';

/**
 * Asks until the answer is there. From outside a daemon there is no event to wait for, so this is the one place of
 * the suite that polls. Rejects with `what` after so many milliseconds, on a machine of the usual speed.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 15_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs * slow;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() >= deadline) throw new Error(`waited ${timeoutMs * slow} ms for ${what}`);
    await delay(25);
  }
}
