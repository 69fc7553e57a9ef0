import { FairSlots } from '../../src/base';

/** A group whose members each say when they run, and end when they are told. */
function group(slots: FairSlots, name: string, count: number, log: string[]) {
  const key = {};
  const ends: (() => void)[] = [];
  const runs = Array.from({ length: count }, (_, at) =>
    slots.with(key, undefined, async () => {
      log.push(`${name}${at}`);
      await new Promise<void>((resolve) => ends.push(resolve));
    }),
  );
  return { done: () => Promise.all(runs), endOne: () => ends.shift()?.() };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a group of one gets the next slot, whoever waited before it', async () => {
  const slots = new FairSlots(3, 3);
  const log: string[] = [];
  const large = group(slots, 'large', 100, log);
  await settled();
  expect(log).toEqual(['large0', 'large1', 'large2']);
  const small = group(slots, 'small', 1, log);
  expect(slots.waiting).toBe(98);
  large.endOne();
  await settled();
  expect(log.at(-1)).toBe('small0');
  // Then it is the turn of the large one again, in its own order.
  small.endOne();
  await settled();
  expect(log.at(-1)).toBe('large3');
  await small.done();
});

test('two groups share the slots evenly, and neither gets more than its bound', async () => {
  const slots = new FairSlots(8, 3);
  const log: string[] = [];
  const [a, b] = [group(slots, 'a', 10, log), group(slots, 'b', 10, log)];
  await settled();
  expect(log.filter((name) => name.startsWith('a'))).toHaveLength(3);
  expect(log.filter((name) => name.startsWith('b'))).toHaveLength(3);
  for (let at = 0; at < 10; at++) {
    a.endOne();
    b.endOne();
    await settled();
  }
  await Promise.all([a.done(), b.done()]);
  expect(log.filter((name) => name.startsWith('b'))).toEqual(Array.from({ length: 10 }, (_, at) => `b${at}`));
});

test('one that gives up leaves the queue, and one that fails its slot', async () => {
  const slots = new FairSlots(1, 1);
  const key = {};
  const giveUp = new AbortController();
  const holder = slots.with(key, undefined, () => settled().then(() => Promise.reject(new Error('failed'))));
  const waiting = slots.with(key, giveUp.signal, async () => 'never');
  const next = slots.with({}, undefined, async () => 'next');
  giveUp.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'call-cancelled' });
  await expect(slots.with(key, giveUp.signal, async () => 'never')).rejects.toMatchObject({ code: 'call-cancelled' });
  await expect(holder).rejects.toThrow('failed');
  expect(await next).toBe('next');
  expect(await slots.with(key, undefined, async () => 'free')).toBe('free');
});
