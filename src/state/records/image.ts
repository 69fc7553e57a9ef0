/** The part of an OCI image configuration that running it needs (image spec, config.md). */
export interface ImageConfig {
  readonly user: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  readonly volumes: readonly string[];
  readonly stopSignal: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What an image is that is no file system but an OCI artifact: files under names (image spec, manifest.md). */
export interface ArtifactFacts {
  /** `artifactType` of the manifest, or else its config's media type. */
  readonly type: string;
  readonly configDigest: string;
}

/** An image that is whole: every layer it names is under its final name. */
export interface ImageRecord {
  readonly v: 1;
  /** `sha256:…` of the config blob; of an artifact that of the manifest, as many share the empty config. */
  readonly id: string;
  /** Normalised names with tag. */
  readonly repoTags: readonly string[];
  /** Normalised names with digest, of index and manifest. */
  readonly repoDigests: readonly string[];
  readonly manifestDigest: string;
  /** Digests of the compressed layers, base first; of an artifact's blobs. */
  readonly layers: readonly string[];
  /** Chain ids of the unpacked layers, base first; an artifact has one, which holds its files. */
  readonly chainIds: readonly string[];
  /** Compressed bytes of config and layers. */
  readonly size: bigint;
  readonly config: ImageConfig;
  readonly pulledAt: bigint;
  /** Absent of an image that containers can run. */
  readonly artifact?: ArtifactFacts;
  /** The manifest's annotations; absent for none. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Digests of the blobs that hold the signatures which were found when it was pulled. */
  readonly signatures?: readonly string[];
}
