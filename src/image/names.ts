import type { ImageRecord } from '../state';

/** The names of an image. */
export interface Names {
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
}

/** More than one pull can find: 128 for each of two documents, in two places. */
const signatureLimit = 512;

/** Both images' names, each once; the first's come first. */
export function mergeNames(first: Names, second: Names): Names {
  return {
    repoTags: [...new Set([...first.repoTags, ...second.repoTags])],
    repoDigests: [...new Set([...first.repoDigests, ...second.repoDigests])],
  };
}

/** The signatures of both, the first's first; old ones go when there are too many. */
export function mergeSignatures(first: ImageRecord, second: ImageRecord): Pick<ImageRecord, 'signatures'> {
  const signatures = [...new Set([...(first.signatures ?? []), ...(second.signatures ?? [])])].slice(0, signatureLimit);
  return signatures.length > 0 ? { signatures } : {};
}

/**
 * The image without those tags. Its digests stay: they name its content, wherever the tag points now. One whose digest
 * was removed before gets it back, for an image that is there has a name.
 */
export function withoutTags(image: ImageRecord, tags: ReadonlySet<string>): ImageRecord {
  const repoTags = image.repoTags.filter((tag) => !tags.has(tag));
  const nameless = repoTags.length + image.repoDigests.length === 0;
  const repositories = [...new Set(image.repoTags.map(repositoryOfTag))];
  const digests = repositories.map((repository) => `${repository}@${image.manifestDigest}`);
  return { ...image, repoTags, repoDigests: nameless ? digests : image.repoDigests };
}

/**
 * The names that are left without this one. The last tag of a repository takes the repository's digests along: they
 * came with it, and an image of which only they were left could not be removed by the names that people see.
 */
export function withoutName(names: Names, name: string): Names {
  const repoTags = names.repoTags.filter((tag) => tag !== name);
  if (repoTags.length === names.repoTags.length) {
    return { repoTags, repoDigests: names.repoDigests.filter((digest) => digest !== name) };
  }
  const repository = repositoryOfTag(name);
  if (repoTags.some((tag) => repositoryOfTag(tag) === repository)) return { repoTags, repoDigests: names.repoDigests };
  return { repoTags, repoDigests: names.repoDigests.filter((digest) => !digest.startsWith(`${repository}@`)) };
}

/** `host/path` of `host/path:tag`. */
export function repositoryOfTag(tag: string): string {
  return tag.slice(0, tag.lastIndexOf(':'));
}
