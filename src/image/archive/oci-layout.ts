import { BerthError, isBerthError } from '../../base';
import { sha256Digest } from '../../storage';
import { type Descriptor, parseManifest } from '../manifest';
import type { Platform } from '../platform';
import { type ContentSource, resolveContent } from '../resolve';
import { archiveNames, archiveReference, type ArchiveImage } from './archive-image';
import type { Spool } from './spool';

/** The images of an OCI layout (image spec, image-layout.md); of several platforms those for this one. */
export async function readOciLayout(spool: Spool, platform: Platform, signal: AbortSignal): Promise<ArchiveImage[]> {
  const index = parseManifest(await spool.document('index.json'), 'index.json');
  if (index.kind !== 'index') throw spool.invalid('index.json is not an index');
  const source = layoutSource(spool);
  const images: ArchiveImage[] = [];
  let otherPlatform: BerthError | undefined;
  for (const descriptor of index.manifests) {
    try {
      const content = await resolveContent(source, await source.manifest(descriptor, signal), platform, signal);
      const reference = nameOf(descriptor);
      images.push({ content, names: archiveNames(reference ? [reference] : [], content) });
    } catch (error) {
      if (!isBerthError(error, 'image-platform')) throw error;
      otherPlatform = error;
    }
  }
  if (images.length === 0 && otherPlatform) throw otherPlatform;
  return images;
}

// containerd and docker write the whole name; the spec's own annotation may be a bare tag, which names nothing.
function nameOf({ annotations }: Descriptor): ReturnType<typeof archiveReference> {
  const full = annotations?.['io.containerd.image.name'];
  if (full !== undefined) return archiveReference(full);
  const ref = annotations?.['org.opencontainers.image.ref.name'] ?? '';
  return /[/:]/.test(ref) ? archiveReference(ref) : undefined;
}

function layoutSource(spool: Spool): ContentSource {
  const document = async ({ digest }: Descriptor) => {
    const bytes = await spool.document(blobName(digest));
    const actual = sha256Digest(bytes);
    if (actual === digest) return { digest, bytes };
    throw new BerthError('digest-mismatch', {
      op: 'load',
      object: digest,
      detail: `the archive has ${actual} under this name`,
      remedy: 'make the archive again; this one is damaged',
    });
  };
  return {
    manifest: document,
    config: async (descriptor) => (await document(descriptor)).bytes,
    layer: async ({ digest }, signal) => spool.stream(blobName(digest), signal),
  };
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}
