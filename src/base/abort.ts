import { BerthError } from './errors/berth-error';

/** The error for an operation whose signal was aborted: told apart by deadline and cancellation. */
export function abortError(signal: AbortSignal, op: string, object?: string): BerthError {
  const reason: unknown = signal.reason;
  if (reason instanceof BerthError) return reason;
  const late = reason instanceof DOMException && reason.name === 'TimeoutError';
  return new BerthError(late ? 'deadline-exceeded' : 'call-cancelled', {
    op,
    object,
    detail: late ? 'the deadline passed' : 'the caller gave up',
    cause: reason,
  });
}

/** Throws if the signal is aborted already. */
export function throwIfAborted(signal: AbortSignal | undefined, op: string, object?: string): void {
  if (signal?.aborted) throw abortError(signal, op, object);
}

/** Settles as the promise does, or rejects at once when the signal is aborted. The promise itself goes on. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined, op: string): Promise<T> {
  if (!signal) return promise;
  // Nobody waits for it any more: how it ends is nobody's unhandled rejection.
  if (signal.aborted) promise.catch(() => undefined);
  throwIfAborted(signal, op);
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    const listener = () => reject(abortError(signal, op));
    signal.addEventListener('abort', listener, { once: true });
    stop = () => signal.removeEventListener('abort', listener);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stop();
  }
}

/** Waits for so many milliseconds, or rejects when the signal is aborted. The timer keeps no process alive. */
export async function pause(ms: number, signal?: AbortSignal, op = 'wait'): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await abortable(
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms);
        timer.unref();
      }),
      signal,
      op,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** One signal that is aborted with the first of those that are given. */
export function anySignal(...signals: (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}
