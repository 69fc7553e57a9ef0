import { text } from 'node:stream/consumers';
import { DetachFilter, defaultDetachKeys, parseDetachKeys } from '../../../src/cli/terminal/detach-keys';

test.each([
  [defaultDetachKeys, [0x10, 0x11]],
  ['ctrl-],q', [0x1d, 0x71]],
  ['ctrl-@,ctrl-A,~,.', [0, 1, 0x7e, 0x2e]],
  ['', []],
])('%j are the bytes %j', (keys, bytes) => {
  expect([...parseDetachKeys(keys)]).toEqual(bytes);
});

test.each(['ctrl-', 'ctrl-1', 'ctrl-pq', 'a,', ',', 'ab', '\u00e4', 'alt-x'])('%j are no keys', (keys) => {
  expect(() => parseDetachKeys(keys)).toThrow(expect.objectContaining({ status: 2 }) as Error);
});

/** What passes of the input, which comes in these pieces, and how often it was left. */
async function passed(keys: string, ...pieces: string[]) {
  let left = 0;
  const filter = new DetachFilter(parseDetachKeys(keys), () => left++);
  const out = text(filter);
  for (const piece of pieces) filter.write(piece);
  filter.end();
  return { out: await out, left };
}

test.each<[string, string[], string, number]>([
  ['the keys at once', ['ls\n\u0010\u0011rm\n'], 'ls\n', 1],
  ['the keys one by one', ['a', '\u0010', '\u0011', 'b'], 'a', 1],
  ['the first key and another', ['\u0010', 'x'], '\u0010x', 0],
  ['the first key twice, then the second', ['\u0010\u0010\u0011'], '\u0010', 1],
  ['the first key before the end', ['a\u0010'], 'a\u0010', 0],
  ['the second key alone', ['\u0011'], '\u0011', 0],
])('%s', async (_what, pieces, out, left) => {
  expect(await passed(defaultDetachKeys, ...pieces)).toEqual({ out, left });
});

test('keys that begin as they go on are found', async () => {
  expect(await passed('a,a,b', 'aa', 'aab-')).toEqual({ out: 'aa', left: 1 });
});
