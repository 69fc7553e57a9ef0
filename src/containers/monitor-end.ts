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

/** How long an abandoned create gets to come to its end. */
const createOutcomeMs = 30_000;

/** Waits until a create that nobody wants any more has come out one way or the other, and closes the connection. */
export async function createOutcome(monitor: Monitor): Promise<void> {
  try {
    await monitor.created(AbortSignal.timeout(createOutcomeMs));
  } catch (error) {
    if (!isBerthError(error)) throw error;
  } finally {
    monitor.close();
  }
}
