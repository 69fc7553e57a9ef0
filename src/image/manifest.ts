import { z } from 'zod';
import { BerthError, firstIssue } from '../base';
import { isDigest } from './digest';
import { mediaTypes } from './media-types';

/** The largest manifest, index or configuration that is read (facts: 4 MiB, as the peers have it). */
export const documentLimit = 4 * 1024 * 1024;

/** The kernel takes 500 lower directories in one overlay. */
const layerLimit = 500;

const digest = z.string().refine(isDigest, 'is not sha256: and 64 hexadecimal digits');
const size = z.number().int().min(0);

const platform = z.object({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
});

const annotations = z.record(z.string(), z.string()).nullish();

const descriptor = z.object({
  mediaType: z.string().default(''),
  digest,
  size,
  platform: platform.nullish(),
  /** Where a foreign layer lies. */
  urls: z.array(z.string()).nullish(),
  annotations,
  /** What an index says of an entry that is an artifact. */
  artifactType: z.string().nullish(),
});

const manifest = z.object({
  schemaVersion: z.literal(2),
  artifactType: z.string().nullish(),
  config: descriptor,
  layers: z.array(descriptor),
  annotations,
});

const index = z.object({
  schemaVersion: z.literal(2),
  manifests: z.array(descriptor),
});

/** A pointer to content (image spec, descriptor.md). Sizes in bytes. */
export type Descriptor = z.output<typeof descriptor>;
export type ImageManifest = {
  readonly kind: 'manifest';
  /** What kind of artifact it is; undefined of an image. */
  readonly artifactType: string | undefined;
} & Omit<z.output<typeof manifest>, 'artifactType'>;
export type ImageIndex = { readonly kind: 'index' } & z.output<typeof index>;

/**
 * Reads a manifest or index of OCI or Docker schema 2, by its shape and not by its media type. Throws
 * `manifest-invalid`, or `image-unsupported` for what is well formed but no image that berth can run.
 */
export function parseManifest(bytes: Uint8Array, object: string): ImageManifest | ImageIndex {
  const document = readDocument(bytes, object);
  if ('signatures' in document || 'fsLayers' in document || document.schemaVersion === 1) {
    throw unsupported(object, 'it is a Docker manifest of schema 1, which is no longer served by berth');
  }
  const isIndex = 'manifests' in document;
  // A document that reads as both means different images to different readers (CVE-2021-41190).
  if (isIndex && ('layers' in document || 'config' in document)) {
    throw invalid(object, 'it has both manifests and layers or config');
  }
  if (isIndex) {
    const result = index.safeParse(document);
    if (!result.success) throw invalid(object, firstIssue(result.error), result.error);
    return { kind: 'index', ...result.data };
  }
  const result = manifest.safeParse(document);
  if (!result.success) throw invalid(object, firstIssue(result.error), result.error);
  const { config } = result.data;
  if (config.size > documentLimit) throw invalid(object, `config: ${config.size} bytes are more than ${documentLimit}`);
  const artifactType = artifactTypeOf(result.data);
  if (artifactType === undefined) checkLayers(result.data, object);
  return { kind: 'manifest', ...result.data, artifactType };
}

/** Image spec, manifest.md, "Guidelines for Artifact Usage": the type that it names, else that of its config. */
function artifactTypeOf({ artifactType, config }: z.output<typeof manifest>): string | undefined {
  if (artifactType) return artifactType;
  const isImage = ['', mediaTypes.ociConfig, mediaTypes.dockerConfig].includes(config.mediaType);
  return isImage ? undefined : config.mediaType;
}

function checkLayers({ layers }: z.output<typeof manifest>, object: string): void {
  if (layers.length > layerLimit) {
    throw unsupported(object, `${layers.length} layers are more than the ${layerLimit} that the kernel can stack`);
  }
  for (const layer of layers) {
    if (layer.mediaType.includes('+encrypted')) throw unsupported(object, `layer ${layer.digest} is encrypted`);
    if (layer.mediaType !== '' && !layer.mediaType.includes('tar')) {
      throw unsupported(object, `layer ${layer.digest} is ${layer.mediaType}, not a tar archive`);
    }
  }
}

/** A JSON object, or `manifest-invalid`. */
export function readDocument(bytes: Uint8Array, object: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid(object, 'it is not JSON', error);
  }
  const parsed = z.record(z.string(), z.unknown()).safeParse(document);
  if (!parsed.success) throw invalid(object, 'it is not a JSON object');
  return parsed.data;
}

function invalid(object: string, detail: string, cause?: unknown): BerthError {
  return new BerthError('manifest-invalid', { op: 'read manifest', object, detail, cause });
}

function unsupported(object: string, detail: string): BerthError {
  return new BerthError('image-unsupported', { op: 'read manifest', object, detail });
}
