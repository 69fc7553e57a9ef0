import { getPriority, setPriority } from 'node:os';
import { messageOf } from './errors/berth-error';
import type { Log } from './log';

/** Steps of nice(2): beside another that wants its processor the loop then has nine tenths of it, not half. */
const steps = 10;

/** As this process was started. All here is of one thread, the event loop's: Linux has a priority for each (sched(7)). */
const given = getPriority();

/** What the event loop has once it goes first. */
export const loopPriority = Math.max(given - steps, -20);

/**
 * Puts the event loop before the programs that it has started: they are many at once, and all who ask something wait for
 * the loop alone. Without the right to (CAP_SYS_NICE) it goes on as it was, and says so.
 */
export function putLoopFirst(log: Log): void {
  try {
    setPriority(loopPriority);
  } catch (error) {
    const remedy = 'give berthd CAP_SYS_NICE, or answers may wait for a processor while pods start and stop';
    log.info({ err: error }, `the event loop keeps its priority: ${messageOf(error)} (${remedy})`);
  }
}

/** Runs `start`, which forks, with the priority that this process was given: it is inherited, down to the containers. */
export function atGivenPriority<Child>(start: () => Child): Child {
  const now = getPriority();
  if (now === given) return start();
  setPriority(given);
  try {
    return start();
  } finally {
    setPriority(now);
  }
}
