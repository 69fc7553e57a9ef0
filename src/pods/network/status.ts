import { BerthError, isBerthError, messageOf } from '../../base';
import type { NetworkList } from './conf-list';
import { hasSince } from './versions';

/** What the plugins of the network say to STATUS, asked again and again in the background. */
export interface StatusWatch extends Disposable {
  /** What keeps pods from getting a network; undefined where nothing does. */
  problem(): BerthError | undefined;
  /** From now on it is about this network, which is asked at once; undefined: about none. */
  follow(list: NetworkList | undefined): void;
}

/** A plugin that is being started becomes ready within seconds; one that is ready is believed for a while. */
const pausesMs = { ready: 60_000, notReady: 5_000 } as const;

/** Asks networks of version 1.1.0 and later; `changed` is called with each answer that differs from the one before. */
export function watchStatus(
  ask: (list: NetworkList, signal: AbortSignal) => Promise<void>,
  changed: (problem: BerthError | undefined) => void,
  pauses: { readonly ready: number; readonly notReady: number } = pausesMs,
): StatusWatch {
  let problem: BerthError | undefined;
  let timer: NodeJS.Timeout | undefined;
  let round = new AbortController();

  const look = async (list: NetworkList, { signal }: AbortController): Promise<void> => {
    const now = await ask(list, signal).then(
      () => undefined,
      (error: unknown) => notReady(list, error),
    );
    if (signal.aborted) return;
    const before = problem;
    problem = now;
    timer = setTimeout(() => void look(list, round), now ? pauses.notReady : pauses.ready);
    timer.unref();
    if (before?.message !== now?.message) changed(now);
  };

  const stop = (): void => {
    round.abort();
    clearTimeout(timer);
  };

  return {
    problem: () => problem,

    follow(list) {
      stop();
      round = new AbortController();
      problem = undefined;
      if (!list || !hasSince(list.cniVersion, '1.1.0')) return;
      problem = notReady(list, 'its plugins have not answered yet');
      void look(list, round);
    },

    [Symbol.dispose]: stop,
  };
}

function notReady({ name }: NetworkList, cause: unknown): BerthError {
  // The plugin's own words without what to do about them: it becomes ready by itself.
  const detail = isBerthError(cause) ? [cause.op, cause.object, cause.detail].join(': ') : messageOf(cause);
  return new BerthError('network-not-ready', {
    op: 'wait for the pod network',
    object: name,
    detail,
    remedy: 'see that the network’s agent runs on this node; it is asked again every few seconds',
    cause,
  });
}
