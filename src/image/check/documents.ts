import { isBerthError, messageOf } from '../../base';
import type { ImageRecord } from '../../state';
import { chainIds, type Storage } from '../../storage';
import { keptBy } from '../collector';
import { parseImageConfig, type ParsedConfig } from '../config';
import { documentLimit, parseManifest, type ImageManifest } from '../manifest';
import type { ProblemKind } from './events';

/** A document of an image that cannot be used. */
export interface DocumentDamage {
  readonly kind: Extract<ProblemKind, `document-${string}`>;
  readonly digest: string;
  readonly detail: string;
}

const otherLayers = 'it names other layers than the record of the image';

/** What an image's own documents say, where they can be read. */
export interface Documents {
  readonly image: ImageRecord;
  readonly content: { readonly manifest: ImageManifest; readonly config: ParsedConfig } | undefined;
  readonly damages: readonly DocumentDamage[];
}

/** Reads the manifest, the configuration and the indexes that an image was found by, and compares them with its record. */
export async function readDocuments(storage: Pick<Storage, 'readBlob'>, image: ImageRecord): Promise<Documents> {
  const damages: DocumentDamage[] = [];
  const found = new Map<string, Buffer>();
  for (const digest of keptBy(image).blobs) {
    try {
      const bytes = await storage.readBlob(digest, documentLimit);
      if (bytes) found.set(digest, bytes);
      else damages.push({ kind: 'document-missing', digest, detail: 'it is not there' });
    } catch (error) {
      const detail = isBerthError(error) ? error.detail : messageOf(error);
      damages.push({ kind: 'document-damaged', digest, detail });
    }
  }
  return { image, content: damages.length > 0 ? undefined : parse(image, found, damages), damages };
}

/** The digests are right: what cannot be parsed, or says other layers than the record, makes the record wrong. */
function parse(
  image: ImageRecord,
  found: ReadonlyMap<string, Buffer>,
  damages: DocumentDamage[],
): Documents['content'] {
  const fail = (detail: string): undefined => {
    damages.push({ kind: 'document-damaged', digest: image.manifestDigest, detail });
  };
  try {
    const manifest = parseManifest(found.get(image.manifestDigest) ?? Buffer.alloc(0), image.manifestDigest);
    if (manifest.kind !== 'manifest') return fail('it is an index');
    const layers = manifest.layers.map(({ digest }) => digest);
    const sameLayers = String(layers) === String(image.layers);
    // An artifact's configuration may be anything: only its bytes count.
    if (image.artifact) return sameLayers ? undefined : fail(otherLayers);
    const config = parseImageConfig(found.get(image.id) ?? Buffer.alloc(0), manifest.layers.length, image.id);
    const same = sameLayers && String(chainIds(config.diffIds)) === String(image.chainIds);
    return same ? { manifest, config } : fail(otherLayers);
  } catch (error) {
    return fail(messageOf(error));
  }
}
