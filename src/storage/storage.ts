import type { Readable } from 'node:stream';
import type { IdMap } from '../kernel';
import type { LayerRecord } from '../state';
import type { StorageCheck } from './check';

/** What a layer has to be, and where its bytes come from. */
export interface LayerSource {
  /** Digest and size of the compressed blob, as the manifest says. */
  readonly digest: string;
  readonly size: bigint;
  /** Digest of the uncompressed tar, as the config says. */
  readonly diffId: string;
  readonly chainId: string;
  readonly parentChainId: string | undefined;
  /** Opens the bytes; called only if the layer is not there yet. */
  open(signal: AbortSignal): Promise<Readable>;
}

/** One file of an artifact, and where its bytes come from. */
export interface ArtifactFileSource {
  /** Its name below the artifact's folder, as checkFileNames allows. */
  readonly path: string;
  readonly digest: string;
  readonly size: bigint;
  /** Opens the bytes; called only if there is no such blob yet. */
  open(signal: AbortSignal): Promise<Readable>;
}

/** An artifact: files that become one layer. */
export interface ArtifactSource {
  readonly manifestDigest: string;
  readonly files: readonly ArtifactFileSource[];
}
/** Where a layer came from: it was there, another image was bringing it, its blob was kept, or it was fetched. */
export type LayerOrigin = 'there' | 'shared' | 'local' | 'registry';

/** Told of each layer of an addLayers as it is ready. */
export type OnLayer = (layer: LayerSource, from: LayerOrigin) => void;

export interface DiskUsage {
  readonly bytes: bigint;
  readonly inodes: bigint;
}

/** How writable layers are walked. */
export interface UsageWalk {
  readonly signal?: AbortSignal;
  /** Called before each folder: the walk goes on when it resolves, so that it takes no more of the machine than it may. */
  readonly rest?: () => Promise<void>;
  /** Containers that need not be looked at. */
  readonly skip?: (containerId: string) => boolean;
}

/** A container's writable root: an overlay of the image's layers. */
export interface RootfsRequest {
  readonly containerId: string;
  /** Base first, as ImageRecord has them. */
  readonly chainIds: readonly string[];
  /** The user namespace that sees the layers; absent: the host's. */
  readonly idmap?: IdMap;
}

/** An entry of a container's root that its image has not, or has otherwise. */
export type ChangedEntry = {
  /** Below the root, without a slash before it. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Date;
} & (
  | { readonly kind: 'directory' | 'fifo' }
  /** `source` is where its bytes are. */
  | { readonly kind: 'file'; readonly size: number; readonly source: string }
  /** A link's target is another entry's path, a symlink's whatever it says. */
  | { readonly kind: 'link' | 'symlink'; readonly target: string }
  | { readonly kind: 'block-device' | 'character-device'; readonly major: number; readonly minor: number }
);

/** How a container's root differs from its image. */
export interface RootfsChanges {
  /** Parents first. */
  readonly entries: readonly ChangedEntry[];
  /** Paths that are gone; some may never have been seen, because a layer of the image hides them. */
  readonly deleted: readonly string[];
}

/** An image that a container mounts as a volume (CRI Mount.image): read-only, whole or a part of it. */
export interface VolumeRequest extends RootfsRequest {
  /** Tells the container's volumes apart. */
  readonly index: number;
  /** What of the image; empty for all. Links in the image are followed inside it. */
  readonly subPath: string;
}

/** An archive that is no layer: a tar, plain or compressed as layers are. */
export interface ArchiveSource {
  /** A folder that is not there yet. */
  readonly dir: string;
  /** Bytes that it may have at most. */
  readonly size: bigint;
  open(signal: AbortSignal): Promise<Readable>;
}

/** What an image keeps from being deleted. */
export interface KeptImage {
  /** Digests of compressed layers. */
  readonly layers: readonly string[];
  readonly chainIds: readonly string[];
  /** Digests of manifests and configs. */
  readonly blobs: readonly string[];
}

/** Blobs, layers and writable roots. Everything under its final name is whole. */
export interface Storage {
  /** A blob's bytes (manifests, configs), or undefined. */
  readBlob(digest: string, maxBytes: number): Promise<Buffer | undefined>;
  /** Keeps a small blob; rejects `digest-mismatch` if the bytes are not the digest's. */
  writeBlob(digest: string, bytes: Uint8Array): Promise<void>;
  /**
   * Unpacks all layers of an image, in parallel, those that are there already excepted; checks digest, size and
   * diffID of each; one syncfs after the last; renames; gives their records. On failure nothing is left. Throws
   * `storage-full` before the first byte if they cannot fit.
   */
  addLayers(layers: readonly LayerSource[], signal: AbortSignal, onLayer?: OnLayer): Promise<readonly LayerRecord[]>;
  /**
   * Keeps an artifact's blobs, fetched in parallel, and its files as hard links of them in a layer of their own, under
   * `artifactChainId`; with the same checks, durability and undo as addLayers. Rejects `manifest-invalid` for a name
   * that is none.
   */
  addArtifact(artifact: ArtifactSource, signal: AbortSignal): Promise<LayerRecord>;
  /** Whether all of these layers can be mounted. */
  hasLayers(chainIds: readonly string[]): boolean;
  readonly check: StorageCheck;
  /** Mounts a container's root and gives its path. */
  mountRootfs(request: RootfsRequest): Promise<string>;
  /**
   * Mounts an image for a container and gives the place; it goes with the container's root, by either of the two calls
   * below. Rejects `path-not-found` if the image has no such sub-path.
   */
  mountVolume(request: VolumeRequest): Promise<string>;
  /**
   * Unpacks an archive within the limits of a layer, and gives the folder of what was in it; nothing in it leads out. Rejects
   * `layer-invalid` for what is none. The caller removes `dir`, also on failure.
   */
  unpackArchive(archive: ArchiveSource, signal: AbortSignal): Promise<string>;
  /** Applies an archive (a file) in the form of a layer to a container's mounted root. Rejects `layer-invalid`. */
  applyArchive(containerId: string, archive: string, signal: AbortSignal): Promise<void>;
  /** The folder of an unpacked layer, which nobody changes. */
  layerPath(chainId: string): string;
  /** How a container's mounted root differs from its image; what it writes meanwhile may be missed. */
  rootfsChanges(request: RootfsRequest, signal?: AbortSignal): Promise<RootfsChanges>;
  /** Unmounts it and deletes the writable layer. Idempotent. */
  removeRootfs(containerId: string): Promise<void>;
  /** Unmounts without deleting. Idempotent. */
  unmountRootfs(containerId: string): Promise<void>;
  /** Ids of containers for which something is, or may be, mounted: their roots and volumes. */
  mountedContainers(): Promise<readonly string[]>;
  /** The folder `containers/<id>` that holds config.json, upper and work. */
  containerDir(containerId: string): string;
  rootfsPath(containerId: string): string;
  /**
   * Deletes layers and blobs that none of these images names. Layers of an addLayers that runs are left alone; what a
   * pull has been given and not yet recorded has to be in `keep`.
   */
  collect(keep: readonly KeptImage[]): Promise<void>;
  /** Deletes what an earlier process was staging. Called once, at start. */
  cleanStaging(): Promise<void>;
  /** Layers of all pulls that wait for their turn. */
  layersWaiting(): number;
  /** Space that images use (blobs and layers), by accounting, not by walking. */
  imageUsage(): DiskUsage;
  /** Space that each container's writable layer uses, by container id. */
  containerUsage(walk?: UsageWalk): Promise<ReadonlyMap<string, DiskUsage>>;
  /** Writable layers are below it. */
  readonly root: string;
  /** Blobs, layers and staging are below it; the same as `root` unless the configuration parts them. */
  readonly imageRoot: string;
}
