import { CpuRates } from '../../src/observe/cpu-rates';

const second = 1_000_000_000n;

function clocked() {
  const clock = { now: 100n * second };
  return { clock, rates: new CpuRates(() => clock.now) };
}

test('a rate is over the time since a sample that is at least a second old', () => {
  const { clock, rates } = clocked();
  rates.sample('/a', 0n);
  clock.now += second / 2n;
  expect(rates.rate('/a', second)).toBeUndefined();
  clock.now += (second * 3n) / 2n;
  expect(rates.rate('/a', second)).toBe(second / 2n);
});

test('a sample that is too young leaves the one before it to measure against', () => {
  const { clock, rates } = clocked();
  rates.sample('/a', 0n);
  clock.now += 10n * second;
  rates.sample('/a', 10n * second);
  clock.now += second / 10n;
  expect(rates.rate('/a', 10n * second + second / 10n)).toBe(second);
});

test('who asks first gets no rate, and one the next time', () => {
  const { clock, rates } = clocked();
  expect(rates.rate('/a', 5n)).toBeUndefined();
  clock.now += 2n * second;
  expect(rates.rate('/a', 5n + second)).toBe(second / 2n);
});

test('a cgroup that was made anew has no rate of the old one’s', () => {
  const { clock, rates } = clocked();
  rates.sample('/a', 50n * second);
  clock.now += 2n * second;
  expect(rates.rate('/a', 1n)).toBeUndefined();
  rates.sample('/a', 1n);
  clock.now += 2n * second;
  expect(rates.rate('/a', 1n + second)).toBe(second / 2n);
});

test('cgroups that are gone are forgotten', () => {
  const { clock, rates } = clocked();
  rates.sample('/a', 0n);
  rates.keep(new Set(['/b']));
  clock.now += 2n * second;
  expect(rates.rate('/a', second)).toBeUndefined();
});
