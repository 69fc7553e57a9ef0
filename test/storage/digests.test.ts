import { chainIds, sha256Digest } from '../../src/storage';

test('chain ids hash the text of the chain below and the diff id', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((text) => sha256Digest(text)) as [string, string, string];
  expect(chainIds([])).toEqual([]);
  expect(chainIds([a])).toEqual([a]);
  const second = sha256Digest(`${a} ${b}`);
  expect(chainIds([a, b, c])).toEqual([a, second, sha256Digest(`${second} ${c}`)]);
});

test('a chain id as the image specification computes it', () => {
  // Of "sha256:<64 zeros> sha256:<64 ones>", by sha256sum.
  const diffIds = [`sha256:${'0'.repeat(64)}`, `sha256:${'1'.repeat(64)}`];
  expect(chainIds(diffIds)[1]).toBe('sha256:f94b891e05f6e37c90d87edfd5bb98a02d618a437c35f3a94b3b00e48e894631');
});
