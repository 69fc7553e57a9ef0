import { backgroundJob, messageOf, Semaphore, type Log } from '../base';
import type { SandboxRecord, Table } from '../state';
import { TellOnce } from './tell-once';

/** What could not be ended: failed CNI DELs, removals, pods that a killed daemon was making. */
export interface Unfinished {
  /** Tries all of them now, and waits for how they end. */
  retry(signal?: AbortSignal): Promise<void>;
  /** How many were tried in vain and wait for their next turn. */
  failing(): number;
  /** Begins to try those whose time has come; one that hangs keeps no other waiting, and nobody waits for it. */
  retryDue(signal?: AbortSignal): void;
}

/** The end of a pod, as its phase asks for it. */
export interface Ends {
  finishStop(id: string, signal?: AbortSignal): Promise<void>;
  remove(id: string, signal?: AbortSignal): Promise<void>;
  /** Whether the pod of this record is being made right now. */
  beingMade(record: SandboxRecord): boolean;
}

/** Tries at once: beyond that they wait for one another. */
const slots = 16;
/** The pause after the first failure, which doubles with each, and the longest. */
const firstPauseMs = 5_000;
const longestPauseMs = 300_000;
/** A DEL takes a minute per plugin at the most, and is tried twice. */
const tryMs = 600_000;

interface Tries {
  readonly failures: number;
  readonly due: number;
}

export function createUnfinished(table: Table<SandboxRecord>, ends: Ends, log: Log, now = Date.now): Unfinished {
  const tries = new Map<string, Tries>();
  const running = new Map<string, Promise<void>>();
  const semaphore = new Semaphore(slots, 'take down');
  const once = new TellOnce();

  const isUnfinished = (record: SandboxRecord): boolean =>
    record.phase === 'removing' ||
    (record.phase === 'creating' && !ends.beingMade(record)) ||
    (record.phase === 'stopped' && record.network?.attached === true);

  const end = async (id: string, signal: AbortSignal): Promise<void> => {
    const record = table.get(id);
    if (!record || !isUnfinished(record)) return;
    try {
      if (record.phase === 'stopped') await ends.finishStop(id, signal);
      else await ends.remove(id, signal);
    } catch (error) {
      once.tell(id, messageOf(error), (said) =>
        log.error({ err: error, sandbox: id }, `pod not taken down yet: ${said}`),
      );
    }
  };

  /** A try that runs already is joined. */
  const tryOne = (id: string, signal: AbortSignal | undefined): Promise<void> => {
    const bounded = AbortSignal.any([AbortSignal.timeout(tryMs), ...(signal ? [signal] : [])]);
    const joined =
      running.get(id) ??
      backgroundJob('take down what is left of a pod', { pod: id }, () =>
        semaphore.with(bounded, () => end(id, bounded)),
      )
        .catch((error: unknown) => log.debug({ err: error, sandbox: id }, 'not tried: berthd ends'))
        .finally(() => {
          running.delete(id);
          settle(id);
        });
    running.set(id, joined);
    return joined;
  };

  const settle = (id: string): void => {
    const record = table.get(id);
    if (!record || !isUnfinished(record)) {
      tries.delete(id);
      once.over(id);
      return;
    }
    const failures = (tries.get(id)?.failures ?? 0) + 1;
    tries.set(id, { failures, due: now() + pauseAfter(failures) });
  };

  const unfinished = (): string[] => [...table.values()].filter(isUnfinished).map(({ id }) => id);

  return {
    async retry(signal) {
      await Promise.all(unfinished().map((id) => tryOne(id, signal)));
    },

    failing: () => unfinished().filter((id) => tries.has(id)).length,

    retryDue(signal) {
      const ids = unfinished();
      for (const id of tries.keys()) if (!ids.includes(id)) tries.delete(id);
      for (const id of ids) if ((tries.get(id)?.due ?? 0) <= now()) void tryOne(id, signal);
    },
  };
}

/** Milliseconds after so many failures in a row. */
export function pauseAfter(failures: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures - 1, 10));
}
