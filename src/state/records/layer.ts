/** A file of an artifact's layer. */
export interface ArtifactFile {
  /** Below the layer's folder, with slashes. */
  readonly path: string;
  /** The blob whose bytes it has: a hard link of it. */
  readonly digest: string;
}

/** An unpacked layer under `layers/<chain id>`. */
export interface LayerRecord {
  readonly v: 1;
  readonly chainId: string;
  readonly diffId: string;
  readonly parentChainId: string | undefined;
  /** The compressed blob it was made from; an artifact's manifest. */
  readonly blobDigest: string;
  /** Bytes beyond those of blobs: an artifact's files share theirs. */
  readonly unpackedBytes: bigint;
  readonly inodes: bigint;
  /** Of an artifact's layer: everything that is in it. Its `diffId` is its chain id. */
  readonly files?: readonly ArtifactFile[];
}
