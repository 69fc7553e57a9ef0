import { isBerthError } from '../base';
import type { Monitor, MonitorState } from '../runtime';
import type { ContainerExit } from '../state';
import { containerExit } from './exit';

/** The end as this connection tells it, or why it broke off. One that we closed ourselves tells nothing. */
export function endSeenBy(monitor: Monitor): Promise<ContainerExit | Error> {
  return new Promise((resolve) => {
    const look = (state: MonitorState) => {
      if (state.kind === 'exited') resolve(containerExit(state.record));
    };
    monitor.onState(look);
    look(monitor.state);
    void monitor.closed.then((error) => error && resolve(error));
  });
}

/** Resolves when nothing more happens in the container: it has ended, or was never made. */
export async function ended(monitor: Monitor): Promise<void> {
  const over = (state: MonitorState) => state.kind === 'exited' || state.kind === 'failed';
  if (over(monitor.state)) return;
  await new Promise<void>((resolve) => {
    monitor.onState((state) => over(state) && resolve());
    void monitor.closed.then(() => resolve());
  });
}

/** How long an abandoned create gets to come to its end, and how long one that is killed. */
const createOutcomeMs = 30_000;
const killedMs = 10_000;

/**
 * Waits until a create that nobody wants any more has come out one way or the other, and closes the connection. A runtime
 * that hangs is killed: nothing of it may be at work when the container is deleted.
 */
export async function createOutcome(monitor: Monitor, patienceMs: number = createOutcomeMs): Promise<void> {
  try {
    if (await comesOut(monitor, patienceMs)) return;
    await monitor.signal(9);
    await comesOut(monitor, killedMs);
  } catch (error) {
    if (!isBerthError(error)) throw error;
  } finally {
    monitor.close();
  }
}

/** Whether the create has ended, well or not, within this time. */
async function comesOut(monitor: Monitor, ms: number): Promise<boolean> {
  try {
    await monitor.created(AbortSignal.timeout(ms));
  } catch (error) {
    if (!isBerthError(error)) throw error;
  }
  return monitor.state.kind !== 'creating';
}
