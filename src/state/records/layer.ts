/** An unpacked layer under `layers/<chain id>`. */
export interface LayerRecord {
  readonly v: 1;
  readonly chainId: string;
  readonly diffId: string;
  readonly parentChainId: string | undefined;
  /** The compressed blob it was made from. */
  readonly blobDigest: string;
  readonly unpackedBytes: bigint;
  readonly inodes: bigint;
}
