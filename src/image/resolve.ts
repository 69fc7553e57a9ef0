import { BerthError } from '../base';
import { artifactEntries, emptyDocument } from './artifact';
import { parseImageConfig } from './config';
import type { ImageContent } from './install';
import { type Descriptor, type ImageManifest, parseManifest } from './manifest';
import type { KeptSignature } from './policy';
import { choosePlatform, fitsPlatform, nameOf, type Platform } from './platform';

/** A document and its digest, which has been compared with its bytes. */
export interface Document {
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** Where an image's content comes from: a registry or an archive. Each checks digests before it answers. */
export interface ContentSource {
  manifest(descriptor: Descriptor, signal: AbortSignal): Promise<Document>;
  /** Asked when the manifest is known and before anything else is fetched: the digests of top document and manifest. */
  admit?(digests: readonly string[], signal: AbortSignal): Promise<readonly KeptSignature[]>;
  config(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array>;
  readonly layer: ImageContent['openLayer'];
}

/** Indexes in indexes are legal; more than this many are a loop in spirit. */
const depthLimit = 3;

/** From the document that a name leads to down to the manifest and configuration of this platform. */
export async function resolveContent(
  source: ContentSource,
  top: Document,
  platform: Platform,
  signal: AbortSignal,
): Promise<ImageContent> {
  const documents = [top];
  let current = top;
  let chosen: Descriptor | undefined;
  let parsed = parseManifest(current.bytes, current.digest);
  while (parsed.kind === 'index') {
    if (documents.length > depthLimit) throw tooDeep(top.digest);
    chosen = choosePlatform(parsed, platform, current.digest);
    current = await source.manifest(chosen, signal);
    if (current.bytes.length !== chosen.size) throw sizeMismatch('manifest', chosen, current.bytes.length);
    documents.push(current);
    parsed = parseManifest(current.bytes, current.digest);
  }
  const manifest: ImageManifest = parsed;
  const signatures = await source.admit?.([...new Set([current.digest, top.digest])], signal);
  const base = { documents, manifestDigest: current.digest, manifest, signatures, openLayer: source.layer };
  if (manifest.artifactType !== undefined) {
    const entries = artifactEntries(manifest, current.digest);
    const configBytes = await readConfig(source, manifest.config, signal);
    return { kind: 'artifact', ...base, configBytes, type: manifest.artifactType, entries };
  }
  const configBytes = await readConfig(source, manifest.config, signal);
  const config = parseImageConfig(configBytes, manifest.layers.length, manifest.config.digest);
  // An index's word for its entry counts: images whose own configuration names a wrong architecture are in use.
  if (!chosen?.platform && !fitsPlatform(config, platform)) {
    throw new BerthError('image-platform', {
      op: 'choose platform',
      object: current.digest,
      detail: `the image is for ${nameOf(config)}, this machine is ${nameOf(platform)}`,
    });
  }
  return { kind: 'image', ...base, configBytes, config };
}

async function readConfig(source: ContentSource, config: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = config.digest === emptyDocument.digest ? emptyDocument.bytes : await source.config(config, signal);
  if (bytes.length !== config.size) throw sizeMismatch('config', config, bytes.length);
  return bytes;
}

function sizeMismatch(what: string, descriptor: Descriptor, length: number): BerthError {
  return new BerthError('digest-mismatch', {
    op: `fetch ${what}`,
    object: descriptor.digest,
    detail: `it has ${length} bytes, the document that names it says ${descriptor.size}`,
  });
}

function tooDeep(digest: string): BerthError {
  return new BerthError('manifest-invalid', {
    op: 'read manifest',
    object: digest,
    detail: `more than ${depthLimit} indexes lie inside one another`,
  });
}
