import { BerthError, KeyedLock, Semaphore, SingleFlight, UndoScope, abortable, pause, silentLog } from '../../src/base';

/** A promise and its resolver. */
function deferred<T = void>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe('KeyedLock', () => {
  test('lets one in at a time, in order, and other keys pass', async () => {
    const lock = new KeyedLock();
    const order: string[] = [];
    const first = await lock.acquire('a');
    const second = lock.with('a', undefined, async () => void order.push('second'));
    const third = lock.with('a', undefined, async () => void order.push('third'));
    await lock.with('b', undefined, async () => void order.push('other key'));
    first[Symbol.dispose]();
    await Promise.all([second, third]);
    expect(order).toEqual(['other key', 'second', 'third']);
    expect(lock.size).toBe(0);
  });

  test('a waiter that gives up leaves the queue', async () => {
    const lock = new KeyedLock();
    const held = await lock.acquire('a');
    const controller = new AbortController();
    const waiting = lock.acquire('a', controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'call-cancelled' });
    held[Symbol.dispose]();
    held[Symbol.dispose]();
    expect(lock.size).toBe(0);
  });

  test('an aborted signal does not enter at all', async () => {
    await expect(new KeyedLock().acquire('a', AbortSignal.abort())).rejects.toMatchObject({ code: 'call-cancelled' });
  });
});

describe('SingleFlight', () => {
  test('equal calls are one job', async () => {
    const flights = new SingleFlight<number>();
    const gate = deferred();
    let runs = 0;
    const job = async () => {
      runs++;
      await gate.promise;
      return runs;
    };
    const both = Promise.all([flights.run('k', job), flights.run('k', job)]);
    gate.resolve();
    await expect(both).resolves.toEqual([1, 1]);
    expect(flights.keys()).toEqual([]);
  });

  test('a job outlives the caller that gives up, and the next call gets its result', async () => {
    const flights = new SingleFlight<string>();
    const gate = deferred();
    const controller = new AbortController();
    const first = flights.run('k', () => gate.promise.then(() => 'made'), controller.signal);
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: 'call-cancelled' });
    const second = flights.run('k', () => Promise.reject(new Error('not run')));
    gate.resolve();
    await expect(second).resolves.toBe('made');
  });

  test('abortAll ends the jobs by their own signal', async () => {
    const flights = new SingleFlight<void>();
    const run = flights.run('k', (signal) => pause(60_000, signal));
    const ended = expect(run).rejects.toMatchObject({ code: 'pod-not-ready' });
    await flights.abortAll(new BerthError('pod-not-ready', { op: 'x', detail: 'y' }));
    await ended;
  });
});

describe('Semaphore', () => {
  test('never more than its slots', async () => {
    const slots = new Semaphore(2);
    let now = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 10 }, () =>
        slots.with(undefined, async () => {
          most = Math.max(most, ++now);
          await pause(1);
          now--;
        }),
      ),
    );
    expect(most).toBe(2);
  });

  test('a waiter that gives up does not take a slot with it', async () => {
    const slots = new Semaphore(1);
    const gate = deferred();
    const holder = slots.with(undefined, () => gate.promise);
    const controller = new AbortController();
    const waiting = slots.with(controller.signal, async () => undefined);
    expect(slots.waiting).toBe(1);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'call-cancelled' });
    expect(slots.waiting).toBe(0);
    gate.resolve();
    await holder;
    await expect(slots.with(undefined, async () => 'in')).resolves.toBe('in');
  });
});

describe('abort', () => {
  test('a deadline and a cancellation are told apart', async () => {
    const never = new Promise<void>(() => undefined);
    await expect(abortable(never, AbortSignal.timeout(1), 'wait')).rejects.toMatchObject({ code: 'deadline-exceeded' });
    await expect(abortable(never, AbortSignal.abort(), 'wait')).rejects.toMatchObject({ code: 'call-cancelled' });
    // One that fails later, when nobody waits any more, ends no process: an unhandled rejection would.
    const late = Promise.reject(new Error('nobody waits'));
    await expect(abortable(late, AbortSignal.abort(), 'wait')).rejects.toMatchObject({ code: 'call-cancelled' });
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('UndoScope', () => {
  test('takes back in reverse, past a step that fails, and tells which failed', async () => {
    const undone: string[] = [];
    const scope = new UndoScope(silentLog());
    {
      await using used = scope;
      used.add('first', async () => void undone.push('first'));
      used.add('second', () => Promise.reject(new Error('stuck')));
      used.add('third', async () => void undone.push('third'));
    }
    expect(undone).toEqual(['third', 'first']);
    expect(scope.failed).toEqual(['second']);
  });

  test('keeps everything once committed', async () => {
    const undone: string[] = [];
    {
      await using scope = new UndoScope(silentLog());
      scope.add('step', async () => void undone.push('step'));
      scope.commit();
    }
    expect(undone).toEqual([]);
  });
});
