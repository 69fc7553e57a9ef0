import type { Names } from './names';

/** Whether one of an image's names is meant by a pattern of the configuration (`image.pinned_images`). */
export type Pinned = (image: Names) => boolean;

/** Reads patterns as CRI-O's configuration has them: a whole name, the beginning of one (`x*`), or a part (`*x*`). */
export function pinnedBy(patterns: readonly string[]): Pinned {
  const matchers = patterns.map(matcherOf);
  return ({ repoTags, repoDigests }) =>
    [...repoTags, ...repoDigests].some((name) => matchers.some((matches) => matches(name)));
}

function matcherOf(pattern: string): (name: string) => boolean {
  if (!pattern.endsWith('*')) return (name) => name === pattern;
  const word = pattern.slice(0, -1);
  if (!word.startsWith('*')) return (name) => name.startsWith(word);
  return (name) => name.includes(word.slice(1));
}
