import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

/** One entry of a layer. Owner is root and the time fixed unless told, so that digests are the same on every run. */
export interface Entry {
  readonly name: string;
  readonly type?: 'file' | 'directory' | 'symlink' | 'link' | 'character-device';
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly linkname?: string;
  readonly body?: string | Buffer;
  readonly mtime?: Date;
  /** Records of the entry's extended header, attributes as `SCHILY.xattr.<name>` among them. */
  readonly pax?: Readonly<Record<string, string>>;
}

/** A layer as the registry serves it. */
export interface Layer {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly diffId: string;
  readonly mediaType: string;
}

export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A tar of the entries, in their order. */
export async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  const chunks: Buffer[] = [];
  const collected = (async () => {
    for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  })();
  for (const { body = '', ...entry } of entries) {
    const type = entry.type ?? 'file';
    await new Promise<void>((resolve, reject) => {
      archive.entry(
        { mode: type === 'directory' ? 0o755 : 0o644, mtime: new Date(1_700_000_000_000), ...entry, type },
        type === 'file' ? body : '',
        (error) => (error ? reject(error) : resolve()),
      );
    });
  }
  archive.finalize();
  await collected;
  return Buffer.concat(chunks);
}

/** A layer of the entries, gzipped as most registries hold them or plain. */
export async function layerOf(entries: readonly Entry[], compression: 'gzip' | 'none' = 'gzip'): Promise<Layer> {
  return layerOfTar(await tarOf(entries), compression);
}

/** The same of a tar that is there already. */
export function layerOfTar(tar: Buffer, compression: 'gzip' | 'none' = 'gzip', level = 6): Layer {
  const bytes = compression === 'gzip' ? gzipSync(tar, { level }) : tar;
  const mediaType = `application/vnd.oci.image.layer.v1.tar${compression === 'gzip' ? '+gzip' : ''}`;
  return { bytes, digest: sha256(bytes), diffId: sha256(tar), mediaType };
}
