import { isBerthError, type Observations } from '../base';
import type { Monitor } from '../runtime';

/** Whose monitor runs the command, and who is told of it. */
export interface ExecPlace {
  /** The monitor of the container, which has to run: rejects `container-state` or `container-not-found`. */
  readonly running: () => Monitor;
  readonly handler: string;
  readonly observations: Observations;
}

/**
 * Has a command run by the container's monitor; how long it takes to be there is told. Where monitor or bundle have gone before the
 * command was there, and the container with them, that is what the caller is told.
 */
export async function execIn<T>(place: ExecPlace, run: (monitor: Pick<Monitor, 'exec'>) => Promise<T>): Promise<T> {
  const monitor = place.running();
  try {
    return await run(timed(monitor, place));
  } catch (error) {
    if (isBerthError(error, 'monitor-lost', 'state-corrupt')) place.running();
    throw error;
  }
}

function timed(monitor: Monitor, { handler, observations }: ExecPlace): Pick<Monitor, 'exec'> {
  return {
    exec(request, output) {
      const session = monitor.exec(request, output);
      const told = observations.time({ kind: 'runtime', operation: 'exec', handler }, () => session.started);
      // Who runs the command sees why it was not started.
      told.catch(() => undefined);
      return session;
    },
  };
}
