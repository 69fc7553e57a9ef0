import { isBerthError } from '../base';
import type { Monitor, MonitorState } from '../runtime';
import { type Ending, endingOf } from './exit';

/** The end as this connection tells it, or why it broke off. One that we closed ourselves tells nothing. */
export function endSeenBy(monitor: Monitor): Promise<Ending | Error> {
  return new Promise((resolve) => {
    const look = (state: MonitorState) => {
      if (state.kind === 'exited') resolve(endingOf(state.record));
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

/** A monitor that has left by itself is what was wanted. */
export function unlessLost(error: unknown): void {
  if (!isBerthError(error, 'monitor-lost')) throw error;
}
