import fs from 'node:fs/promises';
import path from 'node:path';
import { stage } from '../../base';
import { digestMismatch } from '../digests';
import { onDisk } from '../disk';
import type { LayerOrigin, LayerSource } from '../storage';
import { unpackError, type Applied, type Unpacker } from './unpacker';
import type { StorageKernel } from '../options';

/** A layer that has been fetched, checked and unpacked, under a name that nothing else knows. */
export interface StagedLayer {
  readonly dir: string;
  readonly source: LayerSource;
  readonly applied: Applied;
  readonly from: LayerOrigin;
}

export const diffOf = (dir: string): string => path.join(dir, 'diff');
export const blobOf = (dir: string): string => path.join(dir, 'blob');
/** Where the layers below are mounted while this one is completed. */
export const mergedOf = (dir: string): string => path.join(dir, 'merged');

/** Fetches and unpacks one layer into the folder, and checks digest, size and diff id. The caller removes the folder. */
export async function stageLayer(
  unpacker: Unpacker,
  dir: string,
  source: LayerSource,
  from: LayerOrigin,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<StagedLayer> {
  const op = 'unpack a layer';
  await onDisk(op, source.digest, async () => {
    await fs.mkdir(dir, { mode: 0o700 });
    await fs.mkdir(diffOf(dir));
    // Independent of the umask: this becomes the mode of the container's `/` where no layer names it.
    await fs.chmod(diffOf(dir), 0o755);
  });
  const opened = await stage('open layer', () => source.open(signal), { object: source.digest });
  const what = from === 'registry' ? 'fetch and unpack' : 'unpack';
  const unpack = () => unpacker.apply(dir, source.size, opened, onBytes, signal);
  const applied = await stage(`${what} layer`, unpack, { object: source.digest });
  if (applied.blobDigest !== undefined && applied.blobDigest !== source.digest) {
    // Altered bytes mostly fail to unpack, too: the digest is what tells why.
    throw digestMismatch(op, source.digest, source.digest, `${applied.blobDigest} in ${applied.blobSize} bytes`);
  }
  if (!applied.ok) throw unpackError(applied, op, source.digest);
  if (BigInt(applied.blobSize) !== source.size) {
    throw digestMismatch(op, source.digest, `${source.size} bytes`, `${applied.blobSize} bytes`);
  }
  if (applied.diffId !== source.diffId) {
    const object = `${source.digest}, uncompressed`;
    throw digestMismatch(op, object, `diff id ${source.diffId}`, `diff id ${applied.diffId}`);
  }
  return { dir, source, applied, from };
}

/** Removes what a layer was staged in, mounts of an earlier process included. */
export async function removeStaging(kernel: StorageKernel, dir: string): Promise<void> {
  await kernel.unmount(mergedOf(dir));
  await kernel.removeTree(dir);
}
