import { LoopLagWindow } from '../../../src/observe/metrics/loop-lag';

const turn = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test('a window has what was late in it; those who ask soon after get it too, the next has it no more', async () => {
  let now = 0;
  using window = new LoopLagWindow(() => now);
  await turn(100);
  block(300);
  await turn(100);
  const first = window.read();
  expect(first.max).toBeGreaterThan(0.15);
  expect(first.p50).toBeLessThan(first.max);
  now += 1000;
  expect(window.read()).toBe(first);
  await turn(120);
  now += 5000;
  const second = window.read();
  expect(second.max).toBeLessThan(first.max);
});
