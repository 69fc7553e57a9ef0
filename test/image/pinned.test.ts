import { isPinned } from '../../src/image/pinned';

const tags = (...repoTags: string[]) => ({ repoTags, repoDigests: [] });

test('a whole name, the beginning of one, a part of one', () => {
  const patterns = ['a.example/base:1', 'b.example/team/*', '*pause*'];
  for (const name of ['a.example/base:1', 'b.example/team/x:2', 'b.example/team/', 'registry.k8s.io/pause:3.9'])
    expect([name, isPinned(patterns, tags('other.example/x:1', name))]).toEqual([name, true]);
  for (const name of ['a.example/base:11', 'xa.example/base:1', 'a.example/base', 'b.example/tea', 'b.example/team'])
    expect([name, isPinned(patterns, tags(name))]).toEqual([name, false]);
});

test('names with digests count, characters of regular expressions are themselves, and no patterns pin nothing', () => {
  const digest = `a.example/base@sha256:${'1'.repeat(64)}`;
  expect(isPinned([digest], { repoTags: [], repoDigests: [digest] })).toBe(true);
  expect(isPinned(['a.example/*'], { repoTags: [], repoDigests: [digest] })).toBe(true);
  expect(isPinned(['a.example/b.se:1', 'a.example/.*', '*(*'], tags('a.example/base:1'))).toBe(false);
  expect(isPinned([], tags('a.example/base:1'))).toBe(false);
  expect(isPinned(['a*'], tags())).toBe(false);
});
