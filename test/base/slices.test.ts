import { inSlices } from '../../src/base';

test('the results are in the order of the items', async () => {
  expect(await inSlices([3, 1, 2], (item) => item * 2)).toEqual([6, 2, 4]);
  expect(await inSlices([], (item: number) => item)).toEqual([]);
});

test('others get their turn in between', async () => {
  let turns = 0;
  const busy = (until: number) => {
    while (performance.now() < until);
    return turns;
  };
  const others = setInterval(() => turns++, 0);
  const seen = await inSlices([...Array(20).keys()], () => busy(performance.now() + 1));
  clearInterval(others);
  expect(seen.at(-1)).toBeGreaterThan(1);
});
