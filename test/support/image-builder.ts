import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

/** Content by its digest. */
export interface Blob {
  readonly digest: string;
  readonly bytes: Buffer;
}

export interface BuiltLayer extends Blob {
  readonly diffId: string;
}

/** An image built in code: what a registry or an archive of it holds. */
export interface BuiltImage {
  readonly layers: readonly BuiltLayer[];
  readonly config: Blob;
  readonly manifest: Blob;
}

/** An artifact built in code. */
export interface BuiltArtifact {
  readonly layers: readonly Blob[];
  readonly config: Blob;
  readonly manifest: Blob;
}

export interface ImageSpec {
  /** Files by path, a map for each layer; what ends in `/` is a folder. */
  readonly layers: readonly Readonly<Record<string, string | Buffer>>[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  readonly docker?: boolean;
}

export const hostArchitecture = process.arch === 'x64' ? 'amd64' : process.arch;

export function blobOf(bytes: Buffer): Blob {
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes };
}

/** A layer of regular files, root's, dated zero, compressed by gzip. */
export async function buildLayer(files: Readonly<Record<string, string | Buffer>>): Promise<BuiltLayer> {
  const tar = await buildTar(files);
  return { ...blobOf(gzipSync(tar)), diffId: blobOf(tar).digest };
}

export async function buildTar(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const archive = pack();
  const mtime = new Date(0);
  for (const [name, content] of Object.entries(files)) {
    if (name.endsWith('/')) archive.entry({ name, type: 'directory', mode: 0o755, mtime });
    else archive.entry({ name, mode: 0o755, mtime }, content);
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export async function buildImage(spec: ImageSpec): Promise<BuiltImage> {
  const layers: BuiltLayer[] = [];
  for (const files of spec.layers) layers.push(await buildLayer(files));
  const config = jsonBlob({
    architecture: spec.architecture ?? hostArchitecture,
    os: 'linux',
    config: spec.config ?? {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  });
  return { layers, config, manifest: manifestOf(config, layers, spec.docker ?? false) };
}

export function manifestOf(config: Blob, layers: readonly Blob[], docker = false): Blob {
  const types = docker
    ? ['distribution.manifest.v2+json', 'container.image.v1+json', 'image.rootfs.diff.tar.gzip'].map(
        (type) => `application/vnd.docker.${type}`,
      )
    : ['manifest.v1+json', 'config.v1+json', 'layer.v1.tar+gzip'].map((type) => `application/vnd.oci.image.${type}`);
  return jsonBlob({
    schemaVersion: 2,
    mediaType: types[0],
    config: { mediaType: types[1], digest: config.digest, size: config.bytes.length },
    layers: layers.map(({ digest, bytes }) => ({ mediaType: types[2], digest, size: bytes.length })),
  });
}

/** Files as an artifact: each with the title given, or none. */
export function buildArtifact(
  files: readonly { readonly title?: string; readonly bytes: Buffer; readonly mediaType?: string }[],
  options: {
    /** False leaves it out: then the config's media type says what it is. */
    readonly artifactType?: string | false;
    readonly config?: { readonly mediaType: string; readonly bytes: Buffer };
    readonly annotations?: Readonly<Record<string, string>>;
  } = {},
): BuiltArtifact {
  const { artifactType = 'application/vnd.example.files', annotations } = options;
  const { mediaType, bytes } = options.config ?? {
    mediaType: 'application/vnd.oci.empty.v1+json',
    bytes: Buffer.from('{}'),
  };
  const config = blobOf(bytes);
  const layers = files.map((file) => ({ ...file, ...blobOf(file.bytes) }));
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    ...(artifactType === false ? {} : { artifactType }),
    config: { mediaType, digest: config.digest, size: bytes.length },
    layers: layers.map((layer) => ({
      mediaType: layer.mediaType ?? 'application/octet-stream',
      digest: layer.digest,
      size: layer.bytes.length,
      ...(layer.title === undefined ? {} : { annotations: { 'org.opencontainers.image.title': layer.title } }),
    })),
    ...(annotations ? { annotations } : {}),
  });
  return { layers: layers.map(({ digest, bytes: content }) => ({ digest, bytes: content })), config, manifest };
}

/** An index over images, each with the architecture that it is listed for. */
export function buildIndex(entries: readonly { readonly image: BuiltImage; readonly architecture: string }[]): Blob {
  return jsonBlob({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: entries.map(({ image, architecture }) => ({
      mediaType: mediaTypeOf(image.manifest),
      digest: image.manifest.digest,
      size: image.manifest.bytes.length,
      platform: { os: 'linux', architecture },
    })),
  });
}

export function jsonBlob(document: object): Blob {
  return blobOf(Buffer.from(JSON.stringify(document)));
}

/** What a manifest or index says that it is. */
export function mediaTypeOf({ bytes }: Blob): string {
  const document: unknown = JSON.parse(bytes.toString());
  const type: unknown =
    typeof document === 'object' && document !== null && 'mediaType' in document && document.mediaType;
  return typeof type === 'string' ? type : 'application/vnd.oci.image.manifest.v1+json';
}
