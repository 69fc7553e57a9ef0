import { frame } from '../../../src/cli/pull/frame';
import type { admin } from '../../../src/wire';

const layer = (digit: string, received: bigint, ready = ''): admin.PullLayer => ({
  digest: `sha256:${digit.repeat(64)}`,
  size: 1_000_000n,
  received,
  ready,
});
const settings = { columns: 100, rows: 24, speed: 2_000_000, done: false };
const progress = (...layers: admin.PullLayer[]) => ({ endpoint: 'example.org', bytes: 0n, layers });

test('each layer says what happens to it, and the sum how fast', () => {
  const lines = frame(
    progress(
      layer('a', 0n),
      layer('b', 500_000n),
      layer('c', 1_000_000n),
      layer('d', 1_000_000n, 'registry'),
      layer('e', 0n, 'there'),
    ),
    settings,
  );
  expect(lines).toEqual([
    '  aaaaaaaaaaaa  [>                           ]         0B/1.0MB  waiting',
    '  bbbbbbbbbbbb  [==============>             ]      500kB/1.0MB  fetching',
    '  cccccccccccc  [============================]      1.0MB/1.0MB  unpacking',
    '  dddddddddddd  [============================]      1.0MB/1.0MB  unpacked',
    '  eeeeeeeeeeee  [============================]      1.0MB/1.0MB  there already',
    '  3.5MB of 5.0MB, 2 of 5 layers, 2.0MB/s, from example.org',
  ]);
});

test('at the end all is there, and nothing has a speed any more', () => {
  expect(frame(progress(layer('a', 10n)), { ...settings, done: true }).at(-1)).toBe('  1.0MB of 1.0MB, 1 of 1 layers');
  expect(frame(progress(), settings)).toEqual([]);
});

test('a narrow terminal has no bars, a low one not every layer; no line is too long', () => {
  const narrow = frame(progress(layer('b', 1n)), { ...settings, columns: 40 });
  expect(narrow[0]).toBe('  bbbbbbbbbbbb         1B/1.0MB  fetchi');
  const layers = Array.from({ length: 40 }, (_, index) => layer('f', index === 7 ? 1n : 0n));
  const low = frame(progress(...layers), { ...settings, rows: 10 });
  expect(low).toHaveLength(3);
  expect(low[1]).toBe('  and 39 more');
});

test('what comes from the daemon cannot write to the terminal', () => {
  const told = { ...layer('a', 1n), digest: '\u001b[2Jx' };
  expect(frame({ ...progress(told), endpoint: '\u009b31m' }, settings).join('')).not.toMatch(/[\u001b\u009b]/);
});
