import { together } from '../../src/base';

test('gives all results, in order', async () => {
  expect(await together([Promise.resolve(1), Promise.resolve('two')])).toEqual([1, 'two']);
});

test('a failure is told when all have ended', async () => {
  let end: () => void = () => undefined;
  const slow = new Promise<void>((resolve) => (end = resolve));
  let told = false;
  const failed = together([Promise.reject(new Error('first')), slow]).catch((error: unknown) => {
    told = true;
    return error;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toBe(false);
  end();
  expect(await failed).toEqual(new Error('first'));
});
