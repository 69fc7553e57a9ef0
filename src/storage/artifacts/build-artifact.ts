import fs from 'node:fs/promises';
import path from 'node:path';
import type { Blobs } from '../blobs';
import { artifactChainId, digestMismatch } from '../digests';
import { onDisk } from '../disk';
import type { FinishedLayer } from '../layers/keep';
import { diffOf } from '../layers/stage';
import type { Layout } from '../layout';
import type { ArtifactFileSource, ArtifactSource } from '../storage';
import { foldersOf } from './file-names';

interface Parts {
  readonly layout: Layout;
  readonly blobs: Blobs;
}

/**
 * Makes the layer of an artifact in the folder `dir`, which it makes: files are links of blobs, so that their bytes are
 * on the disk once. What containers see is read-only; nothing but a repair ever writes to a blob.
 */
export async function buildArtifact(
  parts: Parts,
  dir: string,
  { manifestDigest, files }: ArtifactSource,
  /** Paths of blobs that were fetched, by digest; the others are there already. */
  staged: ReadonlyMap<string, string>,
): Promise<FinishedLayer> {
  const diff = diffOf(dir);
  const folders = ['', ...new Set(files.flatMap((file) => foldersOf(file.path)))];
  // A commit that came first may have brought a blob that was fetched here as well: then that one is linked.
  const fresh = new Map([...staged].filter(([digest]) => !parts.blobs.has(digest)));
  await onDisk('make an artifact', manifestDigest, async () => {
    await fs.mkdir(dir, { mode: 0o700 });
    for (const folder of folders) {
      await fs.mkdir(path.join(diff, folder));
      // Independent of the umask.
      await fs.chmod(path.join(diff, folder), 0o755);
    }
    for (const file of files) {
      const target = path.join(diff, file.path);
      await fs.link(await wholeBlob(parts.layout, file, fresh.get(file.digest)), target);
      await fs.chmod(target, 0o644);
    }
  });
  const chainId = artifactChainId(manifestDigest);
  const sizes = new Map(files.map((file) => [file.digest, file.size]));
  return {
    diff,
    blobs: [...fresh].map(([digest, from]) => ({ staged: from, digest, size: sizes.get(digest) ?? 0n })),
    record: {
      v: 1,
      chainId,
      diffId: chainId,
      parentChainId: undefined,
      blobDigest: manifestDigest,
      unpackedBytes: 0n,
      inodes: BigInt(folders.length),
      files: files.map((file) => ({ path: file.path, digest: file.digest })),
    },
  };
}

/** Where the bytes of a file are. A blob that was there has its digest's bytes, but not for sure the manifest's size. */
async function wholeBlob(layout: Layout, file: ArtifactFileSource, staged: string | undefined): Promise<string> {
  if (staged !== undefined) return staged;
  const blob = layout.blob(file.digest);
  const { size } = await fs.lstat(blob, { bigint: true });
  if (size === file.size) return blob;
  throw digestMismatch('make an artifact', file.digest, `${file.size} bytes`, `${size} bytes`);
}
