import type { Readable } from 'node:stream';
import { type Log, messageOf, nowNs, throwIfAborted } from '../base';
import type { ImageRecord } from '../state';
import { chainIds, type LayerSource, sha256Digest, type Storage } from '../storage';
import type { Collector } from './collector';
import type { ParsedConfig } from './config';
import type { Descriptor, ImageManifest } from './manifest';
import type { Names } from './names';
import type { KeptSignature } from './policy';
import type { ImageStore } from './store';

/** What the image room needs of the storage. */
export type ImageStorage = Pick<Storage, 'addLayers' | 'readBlob' | 'writeBlob' | 'collect'>;

/** An image's documents, read and compared, and a way to its layers. */
export interface ImageContent {
  /** Manifest, and the indexes that led to it before it. */
  readonly documents: readonly { readonly digest: string; readonly bytes: Uint8Array }[];
  readonly manifestDigest: string;
  readonly manifest: ImageManifest;
  readonly configBytes: Uint8Array;
  readonly config: ParsedConfig;
  /** What its signatures are kept as. */
  readonly signatures?: readonly KeptSignature[];
  readonly openLayer: (layer: Descriptor, signal: AbortSignal) => Promise<Readable>;
}

export interface InstallDeps {
  readonly storage: ImageStorage;
  readonly store: ImageStore;
  readonly collector: Collector;
  /** Waits until what was committed is on the disk. */
  readonly flushed: () => Promise<void>;
  readonly log: Log;
}

/** Layers, then documents, then the record: an image that has a record is whole. On failure nothing is left. */
export async function install(
  deps: InstallDeps,
  content: ImageContent,
  names: Names,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const { storage, store, collector } = deps;
  const record = recordOf(content, names);
  const blobs = [record.id, ...content.documents.map(({ digest }) => digest), ...(record.signatures ?? [])];
  const pin = await collector.pin({ layers: record.layers, chainIds: record.chainIds, blobs });
  try {
    await storage.addLayers(layerSources(content, record), signal);
    throwIfAborted(signal, 'install image', record.id);
    for (const { digest, bytes } of [...content.documents, ...(content.signatures ?? [])])
      await storage.writeBlob(digest, bytes);
    await storage.writeBlob(record.id, content.configBytes);
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

function recordOf(content: ImageContent, names: Names): ImageRecord {
  const { manifest, manifestDigest, configBytes, config, signatures = [] } = content;
  return {
    v: 1,
    id: sha256Digest(configBytes),
    ...names,
    manifestDigest,
    layers: manifest.layers.map(({ digest }) => digest),
    chainIds: chainIds(config.diffIds),
    size: [manifest.config, ...manifest.layers].reduce((sum, { size }) => sum + BigInt(size), 0n),
    config: config.config,
    pulledAt: nowNs(),
    ...(signatures.length > 0 && { signatures: [...new Set(signatures.map(({ digest }) => digest))] }),
  };
}

function layerSources({ manifest, config, openLayer }: ImageContent, image: ImageRecord): LayerSource[] {
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
