import type { Names } from './names';

/**
 * Whether one of an image's names is meant by a pattern of the configuration (`image.pinned_images`), as CRI-O has them: a
 * whole name, the beginning of one (`x*`), or a part (`*x*`).
 */
export function isPinned(patterns: readonly string[], { repoTags, repoDigests }: Names): boolean {
  return [...repoTags, ...repoDigests].some((name) => patterns.some((pattern) => fits(pattern, name)));
}

function fits(pattern: string, name: string): boolean {
  if (!pattern.endsWith('*')) return name === pattern;
  const word = pattern.slice(0, -1);
  return word.startsWith('*') ? name.includes(word.slice(1)) : name.startsWith(word);
}
