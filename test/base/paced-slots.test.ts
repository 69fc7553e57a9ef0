import { PacedSlots } from '../../src/base';

/** A job that says when it begins and ends when it is told to. */
function job() {
  let end: (error?: Error) => void = () => undefined;
  let begun = false;
  const over = new Promise<void>((resolve, reject) => (end = (error) => (error ? reject(error) : resolve())));
  return {
    begun: () => begun,
    end: (error?: Error) => end(error),
    run: async () => {
      begun = true;
      await over;
    },
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('busy processors', () => {
  const slots = () => new PacedSlots(2, () => 0);

  test('as many at once as there are slots, first come first served; one that fails gives its slot back', async () => {
    const paced = slots();
    const jobs = [job(), job(), job(), job()];
    const done = jobs.map((each) => paced.with(undefined, each.run));
    await settle();
    expect(jobs.map((each) => each.begun())).toEqual([true, true, false, false]);
    expect(paced.waiting).toBe(2);
    jobs[1]?.end(new Error('no'));
    await expect(done[1]).rejects.toThrow('no');
    await settle();
    expect(jobs.map((each) => each.begun())).toEqual([true, true, true, false]);
    jobs.forEach((each) => each.end());
    await Promise.all([done[0], done[2], done[3]]);
  });

  test('an aborted waiter leaves the queue; one that is aborted before does not enter it', async () => {
    const paced = slots();
    const [first, second, given, last] = [job(), job(), job(), job()];
    const held = [first, second].map((each) => paced.with(undefined, each.run));
    const giving = new AbortController();
    const waiting = paced.with(giving.signal, given.run);
    const behind = paced.with(undefined, last.run);
    giving.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'call-cancelled' });
    await expect(paced.with(giving.signal, given.run)).rejects.toMatchObject({ code: 'call-cancelled' });
    first.end();
    await settle();
    expect([given.begun(), last.begun()]).toEqual([false, true]);
    second.end();
    last.end();
    await Promise.all([...held, behind]);
  });
});

test('while processors idle more begin, as many as idle; what they leave behind is no slot', async () => {
  let idle = 0;
  const paced = new PacedSlots(1, () => idle);
  const jobs = Array.from({ length: 5 }, job);
  const done = jobs.map((each) => paced.with(undefined, each.run));
  const begun = () => jobs.filter((each) => each.begun()).length;
  await settle();
  expect(begun()).toBe(1);
  // Two processors that idle from now on: at each look two more begin.
  idle += 100;
  while (begun() < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(begun()).toBe(3);
  jobs[0]?.end();
  jobs[1]?.end();
  await Promise.all(done.slice(0, 2));
  await settle();
  expect(begun()).toBe(3);
  jobs[2]?.end();
  await done[2];
  await settle();
  expect(begun()).toBe(4);
  jobs.forEach((each) => each.end());
  await Promise.all(done);
});
