import { sha256, type Layer } from './archive';

/** The part of an image configuration that the fixtures set (OCI image spec, config.md). */
export interface RunConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

export interface Blob {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly digest: string;
}

/** An image of one platform, ready to be pushed. */
export interface OciImage {
  readonly layers: readonly Layer[];
  readonly config: Blob;
  readonly manifest: Blob;
}

/** What is pushed like an image and is none. */
export interface OciArtifact {
  readonly layers: readonly Blob[];
  readonly config: Blob;
  readonly manifest: Blob;
}

const types = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    index: 'application/vnd.oci.image.index.v1+json',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
  },
} as const;

/** The machine's architecture in the words of image configurations. */
export const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

export function blobOf(mediaType: string, content: object): Blob {
  const bytes = Buffer.from(JSON.stringify(content));
  return { mediaType, bytes, digest: sha256(bytes) };
}

const described = ({ mediaType, digest, bytes }: { mediaType: string; digest: string; bytes: Buffer }) => ({
  mediaType,
  digest,
  size: bytes.length,
});

/** Puts layers and a configuration together, in OCI's words or in Docker's. */
export function imageOf(
  layers: readonly Layer[],
  config: RunConfig,
  dialect: 'oci' | 'docker' = 'oci',
  annotations?: Readonly<Record<string, string>>,
): OciImage {
  const configBlob = blobOf(types[dialect].config, {
    architecture,
    os: 'linux',
    created: '2024-01-01T00:00:00Z',
    config,
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((_, index) => ({ created_by: `fixture layer ${index}` })),
  });
  const layerType = (layer: Layer) =>
    dialect === 'oci' ? layer.mediaType : 'application/vnd.docker.image.rootfs.diff.tar.gzip';
  const manifest = blobOf(types[dialect].manifest, {
    schemaVersion: 2,
    mediaType: types[dialect].manifest,
    config: described(configBlob),
    layers: layers.map((layer) => described({ ...layer, mediaType: layerType(layer) })),
    ...(annotations && { annotations }),
  });
  return { layers, config: configBlob, manifest };
}

/** Files by their titles as an OCI artifact, with the empty config that all such artifacts share. */
export function artifactOf(artifactType: string, files: Readonly<Record<string, string | Buffer>>): OciArtifact {
  const config = blobOf('application/vnd.oci.empty.v1+json', {});
  const layers = Object.entries(files).map(([title, content]) => {
    const bytes = Buffer.from(content);
    return { title, mediaType: 'application/octet-stream', bytes, digest: sha256(bytes) };
  });
  const manifest = blobOf(types.oci.manifest, {
    schemaVersion: 2,
    mediaType: types.oci.manifest,
    artifactType,
    config: described(config),
    layers: layers.map((layer) => ({
      ...described(layer),
      annotations: { 'org.opencontainers.image.title': layer.title },
    })),
    annotations: { 'org.opencontainers.image.created': '2024-01-01T00:00:00Z' },
  });
  return { layers, config, manifest };
}

/** An index that offers the image for this machine, beside one for a foreign platform and an attestation. */
export function indexOf(image: OciImage): Blob {
  const foreign = architecture === 's390x' ? 'ppc64le' : 's390x';
  const of = (os: string, arch: string) => ({ ...described(image.manifest), platform: { os, architecture: arch } });
  return blobOf(types.oci.index, {
    schemaVersion: 2,
    mediaType: types.oci.index,
    manifests: [of('linux', foreign), of('linux', architecture), of('unknown', 'unknown')],
  });
}
