import { checkFileNames } from '../storage';
import type { Descriptor, ImageManifest } from './manifest';

/** A blob of an artifact and the name that it has as a file. */
export interface ArtifactEntry {
  readonly path: string;
  readonly blob: Descriptor;
}

/** The empty descriptor's content, `{}`: registries need not be asked for it. */
export const emptyDocument = {
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  bytes: Buffer.from('{}'),
} as const;

/**
 * The files of an artifact: each blob under its title (image spec, annotations.md), or under the digits of its digest.
 * Throws `manifest-invalid` for a title that is no plain relative path.
 */
export function artifactEntries({ layers }: ImageManifest, object: string): readonly ArtifactEntry[] {
  const entries: ArtifactEntry[] = [];
  const untitled = new Set<string>();
  for (const blob of layers) {
    const title = blob.annotations?.['org.opencontainers.image.title'];
    // The same bytes without a name are the same file.
    if (title === undefined && untitled.has(blob.digest)) continue;
    if (title === undefined) untitled.add(blob.digest);
    entries.push({ path: title ?? blob.digest.replace('sha256:', ''), blob });
  }
  checkFileNames(
    entries.map(({ path }) => path),
    object,
  );
  return entries;
}
