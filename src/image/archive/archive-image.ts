import { isBerthError } from '../../base';
import type { ImageContent } from '../install';
import type { Names } from '../names';
import { parseReference, qualify, type Reference, repositoryOf, textOf } from '../reference';

/** One image of an archive, checked but for its layers. */
export interface ArchiveImage {
  readonly content: ImageContent;
  readonly names: Names;
}

/** Names of an archive are docker's: without a host they are Docker Hub's. Undefined if it is no name. */
export function archiveReference(text: string): Reference | undefined {
  try {
    const reference = parseReference(text);
    return reference.kind === 'full' ? reference : qualify(reference, 'docker.io');
  } catch (error) {
    // Annotations are free text, and an image without a name still has its id.
    if (isBerthError(error, 'image-reference-invalid')) return undefined;
    throw error;
  }
}

/** The names of an image that carries these in its archive, and the digests of its own documents under them. */
export function archiveNames(references: readonly Reference[], content: ImageContent): Names {
  const digests = [...new Set([content.documents[0]?.digest ?? content.manifestDigest, content.manifestDigest])];
  const repositories = [...new Set(references.map(repositoryOf))];
  return {
    repoTags: [...new Set(references.filter(({ version }) => version.kind === 'tag').map(textOf))],
    repoDigests: repositories.flatMap((repository) => digests.map((digest) => `${repository}@${digest}`)),
  };
}
