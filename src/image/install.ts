import { Readable } from 'node:stream';
import { type Log, messageOf, nowNs, throwIfAborted } from '../base';
import type { ImageRecord } from '../state';
import {
  artifactChainId,
  type ArtifactFileSource,
  chainIds,
  type LayerSource,
  sha256Digest,
  type Storage,
} from '../storage';
import { keptAnnotations } from './annotations';
import { type ArtifactEntry, emptyDocument } from './artifact';
import type { Collector } from './collector';
import { emptyConfig, type ParsedConfig } from './config';
import type { Descriptor, ImageManifest } from './manifest';
import type { Names } from './names';
import type { KeptSignature } from './policy';
import type { PullProgress } from './pulls';
import type { ImageStore } from './store';

/** What the image room needs of the storage. */
export type ImageStorage = Pick<
  Storage,
  'addLayers' | 'addArtifact' | 'hasLayers' | 'readBlob' | 'writeBlob' | 'collect' | 'check'
>;

interface Content {
  /** Manifest, and the indexes that led to it before it. */
  readonly documents: readonly { readonly digest: string; readonly bytes: Uint8Array }[];
  readonly manifestDigest: string;
  readonly manifest: ImageManifest;
  readonly configBytes: Uint8Array;
  /** What its signatures are kept as. */
  readonly signatures?: readonly KeptSignature[];
  readonly openLayer: (layer: Descriptor, signal: AbortSignal) => Promise<Readable>;
}

/** An image's or artifact's documents, read and compared, and a way to its layers. */
export type ImageContent = Content &
  (
    | { readonly kind: 'image'; readonly config: ParsedConfig }
    | { readonly kind: 'artifact'; readonly type: string; readonly entries: readonly ArtifactEntry[] }
  );

export interface InstallDeps {
  readonly storage: ImageStorage;
  readonly store: ImageStore;
  readonly collector: Collector;
  /** Waits until what was committed is on the disk. */
  readonly flushed: () => Promise<void>;
  readonly log: Log;
  /** Of the pull, if it is one. */
  readonly progress?: PullProgress;
}

/** Layers, then documents, then the record: an image that has a record is whole. On failure nothing is left. */
export async function install(
  deps: InstallDeps,
  content: ImageContent,
  names: Names,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const { storage, store, collector } = deps;
  const configDigest = sha256Digest(content.configBytes);
  const record = recordOf(content, configDigest, names);
  const kept = [...content.documents, ...(content.signatures ?? [])];
  const blobs = [configDigest, ...kept.map(({ digest }) => digest)];
  const pin = await collector.pin({ layers: record.layers, chainIds: record.chainIds, blobs });
  try {
    await addContent(deps, content, record, signal);
    throwIfAborted(signal, 'install image', record.id);
    for (const { digest, bytes } of kept) await storage.writeBlob(digest, bytes);
    await storage.writeBlob(configDigest, content.configBytes);
    const added = await store.add(record);
    await deps.flushed();
    return added;
  } catch (error) {
    pin[Symbol.dispose]();
    await collector.collect().catch((cause: unknown) => {
      deps.log.error({ err: cause }, `what a failed image left is not removed yet: ${messageOf(cause)}`);
    });
    throw error;
  } finally {
    pin[Symbol.dispose]();
  }
}

async function addContent(
  { storage, progress }: InstallDeps,
  content: ImageContent,
  record: ImageRecord,
  signal: AbortSignal,
): Promise<void> {
  progress?.expect(content.manifest.layers);
  switch (content.kind) {
    case 'image': {
      const layers = layerSources(content, content.config, record);
      await storage.addLayers(layers, signal, ({ chainId }, from) =>
        progress?.ready(record.chainIds.indexOf(chainId), from),
      );
      return;
    }
    case 'artifact':
      await storage.addArtifact({ manifestDigest: content.manifestDigest, files: fileSources(content) }, signal);
      return;
    default:
      content satisfies never;
  }
}

function recordOf(content: ImageContent, configDigest: string, names: Names): ImageRecord {
  const { manifest, manifestDigest, signatures = [] } = content;
  const annotations = keptAnnotations(manifest);
  const common = {
    v: 1,
    ...names,
    manifestDigest,
    layers: manifest.layers.map(({ digest }) => digest),
    size: [manifest.config, ...manifest.layers].reduce((sum, { size }) => sum + BigInt(size), 0n),
    pulledAt: nowNs(),
    ...(annotations && { annotations }),
    ...(signatures.length > 0 && { signatures: [...new Set(signatures.map(({ digest }) => digest))] }),
  } as const;
  switch (content.kind) {
    case 'image': {
      const { config, diffIds } = content.config;
      return { ...common, id: configDigest, chainIds: chainIds(diffIds), config };
    }
    case 'artifact': {
      const artifact = { type: content.type, configDigest };
      return {
        ...common,
        id: manifestDigest,
        chainIds: [artifactChainId(manifestDigest)],
        config: emptyConfig,
        artifact,
      };
    }
    default:
      return content satisfies never;
  }
}

/** The layers of an image as its documents name them, base first. */
export function layerSources(
  { manifest, openLayer }: Pick<ImageContent, 'manifest' | 'openLayer'>,
  config: ParsedConfig,
  image: ImageRecord,
): readonly LayerSource[] {
  return manifest.layers.map((layer, at) => ({
    digest: layer.digest,
    size: BigInt(layer.size),
    // parseImageConfig has compared the counts.
    diffId: config.diffIds[at] ?? '',
    chainId: image.chainIds[at] ?? '',
    parentChainId: at === 0 ? undefined : image.chainIds[at - 1],
    open: (signal) => openLayer(layer, signal),
  }));
}

function fileSources({ entries, openLayer }: ImageContent & { kind: 'artifact' }): readonly ArtifactFileSource[] {
  return entries.map(({ path, blob }) => ({
    path,
    digest: blob.digest,
    size: BigInt(blob.size),
    open: async (signal) => (blob.digest === emptyDocument.digest ? emptyFile() : openLayer(blob, signal)),
  }));
}

function emptyFile(): Readable {
  return Readable.from([emptyDocument.bytes]);
}
