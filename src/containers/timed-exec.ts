import type { Observations } from '../base';
import type { Monitor } from '../runtime';

/** The monitor's exec; how long each command takes to be there is told. */
export function timedExec(monitor: Monitor, handler: string, observations: Observations): Pick<Monitor, 'exec'> {
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
