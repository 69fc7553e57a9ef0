import { createReadStream } from 'node:fs';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { z } from 'zod';
import { chainIds, type LayerSource } from '../../../src/storage';
import { digestOf } from '../support/tar';

/** An OCI layout with one image, which is tagged `a`. */
export interface OciLayout {
  readonly dir: string;
}

const descriptor = z.object({ digest: z.string(), size: z.number() });
const index = z.object({ manifests: z.array(descriptor).length(1) });
const manifest = z.object({ config: descriptor, layers: z.array(descriptor) });
const config = z.object({ rootfs: z.object({ diff_ids: z.array(z.string()) }) });

const blobPath = (dir: string, digest: string): string => path.join(dir, 'blobs', ...digest.split(':'));
const readJson = (file: string): unknown => JSON.parse(fs.readFileSync(file, 'utf8'));

/** Writes an image of these layers, each a tar that gets gzipped. */
export function writeLayout(dir: string, tars: readonly Buffer[]): OciLayout {
  const put = (bytes: Buffer, mediaType: string) => {
    const digest = digestOf(bytes);
    fs.mkdirSync(path.dirname(blobPath(dir, digest)), { recursive: true });
    fs.writeFileSync(blobPath(dir, digest), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const type = (name: string): string => `application/vnd.oci.image.${name}`;
  const image = put(
    json({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) },
      history: tars.map(() => ({ created_by: 'test' })),
    }),
    type('config.v1+json'),
  );
  const layers = tars.map((tar) => put(zlib.gzipSync(tar, { level: 1 }), type('layer.v1.tar+gzip')));
  const root = put(json({ schemaVersion: 2, config: image, layers }), type('manifest.v1+json'));
  const annotations = { 'org.opencontainers.image.ref.name': 'a' };
  fs.writeFileSync(path.join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  fs.writeFileSync(path.join(dir, 'index.json'), json({ schemaVersion: 2, manifests: [{ ...root, annotations }] }));
  return { dir };
}

/** The image's layers as storage takes them, base first. */
export function layersOf({ dir }: OciLayout): LayerSource[] {
  const [entry] = index.parse(readJson(path.join(dir, 'index.json'))).manifests;
  const image = manifest.parse(readJson(blobPath(dir, entry?.digest ?? '')));
  const diffIds = config.parse(readJson(blobPath(dir, image.config.digest))).rootfs.diff_ids;
  const chain = chainIds(diffIds);
  return image.layers.map(({ digest, size }, i) => ({
    digest,
    size: BigInt(size),
    diffId: diffIds[i] ?? '',
    chainId: chain[i] ?? '',
    parentChainId: chain[i - 1],
    open: async () => createReadStream(blobPath(dir, digest)),
  }));
}
