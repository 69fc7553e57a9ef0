import { messageOf, type Log } from '../base';

/** Calls the step again and again until disposed, one call at a time; a failure is logged and the next one comes. */
export function retryPeriodically(log: Log, intervalMs: number, step: () => Promise<void>): Disposable {
  let timer: NodeJS.Timeout;
  let stopped = false;
  const arm = (): void => {
    timer = setTimeout(() => {
      void step()
        .catch((error: unknown) => log.error({ err: error }, `teardown retry: ${messageOf(error)}`))
        .finally(() => {
          if (!stopped) arm();
        });
    }, intervalMs);
    timer.unref();
  };
  arm();
  return {
    [Symbol.dispose]: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
