import { Observations, type Observation } from '../../src/base';

test('an operation is told with its time and how it went, to those who listen', async () => {
  const observations = new Observations();
  const told: Observation[] = [];
  const operation = { kind: 'launcher', operation: 'run' } as const;
  await observations.time(operation, () => Promise.resolve());
  const listening = observations.subscribe((observation) => told.push(observation));
  expect(await observations.time(operation, () => Promise.resolve('its result'))).toBe('its result');
  await expect(observations.time(operation, () => Promise.reject(new Error('its error')))).rejects.toThrow('its error');
  observations.tell({ kind: 'monitor-lost' });
  listening[Symbol.dispose]();
  await observations.time(operation, () => Promise.resolve());
  const seconds = expect.any(Number) as number;
  expect(told).toEqual([
    { ...operation, seconds, failed: false },
    { ...operation, seconds, failed: true },
    { kind: 'monitor-lost' },
  ]);
});
