import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack, type Pack } from 'tar-stream';
import { sha256 } from '../../../e2e/support/archive';
import { architecture, blobOf } from '../../../e2e/support/oci-image';
import type { Registry } from '../../../e2e/support/registry';
import { layerEntries, makePools, type Entry, type Pools } from './content';

/** What the image is and how much of it there is. */
export interface PullImage {
  readonly layers: number;
  readonly compressedBytes: number;
  readonly unpackedBytes: number;
  readonly entries: number;
}

interface BuiltLayer {
  readonly file: string;
  readonly digest: string;
  readonly size: number;
  readonly diffId: string;
  readonly unpackedBytes: number;
  readonly entries: number;
}

const type = (name: string) => `application/vnd.oci.image.${name}`;

/**
 * Makes the image layer by layer, as streams, and pushes it; the same bytes in every run. `dir` holds one layer at a
 * time.
 */
export async function pushPullImage(
  registry: Registry,
  repository: string,
  tag: string,
  { dir, layerMib, pools = makePools() }: { dir: string; layerMib: readonly number[]; pools?: Pools },
): Promise<PullImage> {
  const layers: Omit<BuiltLayer, 'file'>[] = [];
  for (const [at, mib] of layerMib.entries()) {
    const layer = await buildLayer(join(dir, `layer-${at}`), layerEntries(at, mib, pools));
    await registry.pushFile(repository, layer);
    await rm(layer.file);
    layers.push(layer);
  }
  const config = blobOf(type('config.v1+json'), {
    architecture,
    os: 'linux',
    config: { Cmd: ['/bin/true'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  });
  await registry.pushBlob(repository, config);
  const manifest = blobOf(type('manifest.v1+json'), {
    schemaVersion: 2,
    mediaType: type('manifest.v1+json'),
    config: { mediaType: config.mediaType, digest: sha256(config.bytes), size: config.bytes.length },
    layers: layers.map(({ digest, size }) => ({ mediaType: type('layer.v1.tar+gzip'), digest, size })),
  });
  await registry.pushManifest(repository, tag, manifest);
  const sum = (of: (layer: Omit<BuiltLayer, 'file'>) => number) =>
    layers.reduce((total, layer) => total + of(layer), 0);
  return {
    layers: layers.length,
    compressedBytes: sum(({ size }) => size),
    unpackedBytes: sum(({ unpackedBytes }) => unpackedBytes),
    entries: sum(({ entries }) => entries),
  };
}

async function buildLayer(file: string, content: Iterable<Entry>): Promise<BuiltLayer> {
  const tar = pack();
  const [diffId, digest] = [createHash('sha256'), createHash('sha256')];
  let size = 0;
  const packed = packAll(tar, content);
  const passed = (use: (chunk: Buffer) => void) =>
    new Transform({
      transform(chunk: Buffer, _, done) {
        use(chunk);
        done(null, chunk);
      },
    });
  await Promise.all([
    packed,
    pipeline(
      tar,
      passed((chunk) => diffId.update(chunk)),
      createGzip(),
      passed((chunk) => {
        digest.update(chunk);
        size += chunk.length;
      }),
      createWriteStream(file),
    ),
  ]);
  const [hex, diffHex] = [digest.digest('hex'), diffId.digest('hex')];
  return { file, digest: `sha256:${hex}`, size, diffId: `sha256:${diffHex}`, ...(await packed) };
}

async function packAll(tar: Pack, content: Iterable<Entry>) {
  let [unpackedBytes, entries] = [0, 0];
  for (const { name, bytes } of content) {
    const header = {
      name,
      mtime: new Date(0),
      mode: bytes ? 0o644 : 0o755,
      type: bytes ? 'file' : 'directory',
    } as const;
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      tar.entry(header, bytes ?? Buffer.alloc(0), done);
    });
    unpackedBytes += bytes?.length ?? 0;
    entries++;
  }
  tar.finalize();
  return { unpackedBytes, entries };
}
