import type { ImageManifest } from './manifest';

/** Bytes of annotations that lists show; a manifest may have megabytes of them, and a list has one answer for all images. */
const annotationLimit = 16 * 1024;

/** The annotations of a manifest that its image's record keeps: all, or none if there is too much of them. */
export function keptAnnotations({ annotations }: ImageManifest): Readonly<Record<string, string>> | undefined {
  const entries = Object.entries(annotations ?? {});
  const bytes = entries.flat().reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return entries.length > 0 && bytes <= annotationLimit ? Object.fromEntries(entries) : undefined;
}
