import { createReadStream } from 'node:fs';
import fs from 'node:fs/promises';
import { BerthError, isBerthError, messageOf, throwIfAborted } from '../../base';
import type { LayerRecord } from '../../state';
import { ifThere, onDisk } from '../disk';
import type { CommitParts } from '../layers/commit';
import { completeLayer } from '../layers/complete';
import { stageLayer, type StagedLayer } from '../layers/stage';
import type { Compared } from '../layers/unpacker';
import type { LayerSource } from '../storage';

/** What is wrong with a layer, or with the blob it is made from. `unchecked`: it could not be found out. */
export interface Damage {
  readonly kind: 'layer-missing' | 'layer-damaged' | 'blob-missing' | 'blob-damaged' | 'unchecked';
  readonly detail: string;
}

/** Room that a check leaves on the disk, beside what the layer takes: a full disk would hurt whoever runs. */
const spareBytes = 256n * 1024n * 1024n;

/** Whether the layer's folder is there, and the blob that it was made from: nothing is read. */
export async function lookAtLayer(
  { layout }: Pick<CommitParts, 'layout'>,
  record: LayerRecord,
  sizes: ReadonlyMap<string, bigint>,
): Promise<Damage[]> {
  const damages: Damage[] = [];
  const folder = await ifThere(fs.lstat(layout.layer(record.chainId)));
  if (!folder) damages.push({ kind: 'layer-missing', detail: 'its folder is not there' });
  else if (!folder.isDirectory()) damages.push({ kind: 'layer-missing', detail: 'there is no folder under its name' });
  const blob = await ifThere(fs.lstat(layout.blob(record.blobDigest), { bigint: true }));
  const size = sizes.get(record.blobDigest);
  if (!blob) damages.push({ kind: 'blob-missing', detail: `its blob ${record.blobDigest} is not there` });
  else if (!blob.isFile()) damages.push({ kind: 'blob-damaged', detail: `its blob ${record.blobDigest} is no file` });
  else if (size !== undefined && blob.size !== size)
    damages.push({
      kind: 'blob-damaged',
      detail: `its blob ${record.blobDigest} has ${blob.size} bytes instead of ${size}`,
    });
  return damages;
}

/** The layer's own blob as a source: what it unpacks to is what the layer has to be. */
export async function ownBlob({ layout }: Pick<CommitParts, 'layout'>, record: LayerRecord): Promise<LayerSource> {
  const file = layout.blob(record.blobDigest);
  const { chainId, diffId, parentChainId, blobDigest: digest } = record;
  const size = await onDisk('check a layer', digest, async () => (await fs.stat(file, { bigint: true })).size);
  const open = async () => createReadStream(file, { highWaterMark: 1024 * 1024 });
  return { digest, size, diffId, chainId, parentChainId, open };
}

/**
 * Unpacks the layer's own blob once more into the folder `dir`, completes it over the layers below, and compares. Gives
 * the unpacked copy where the blob is whole; the caller removes the folder.
 */
export async function compareWithBlob(
  parts: CommitParts,
  dir: string,
  record: LayerRecord,
  lowers: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly damages: Damage[]; readonly staged: StagedLayer | undefined }> {
  let staged: StagedLayer | undefined;
  try {
    const source = await ownBlob(parts, record);
    await needRoom(parts, record, source.size);
    staged = await stageLayer(parts.unpacker, dir, source, 'local', () => undefined, signal);
    await completeLayer(parts, staged, lowers, signal);
    if (!(await isFolder(parts.layout.layer(record.chainId)))) return { damages: [], staged };
    const compared = await parts.unpacker.compare(dir, parts.layout.layer(record.chainId), signal);
    const damages: Damage[] = compared.differing === 0 ? [] : [{ kind: 'layer-damaged', detail: inWords(compared) }];
    return { damages, staged };
  } catch (error) {
    throwIfAborted(signal, 'check a layer', record.chainId);
    return { damages: [damageOf(error, record)], staged: undefined };
  }
}

/** A link in a layer's place is none. */
export async function isFolder(path: string): Promise<boolean> {
  return (await ifThere(fs.lstat(path)))?.isDirectory() ?? false;
}

/** Bytes that are not the digest's, or that the disk does not give, are the blob's fault; all else is not the layer's. */
function damageOf(error: unknown, { blobDigest }: LayerRecord): Damage {
  if (isBerthError(error, 'digest-mismatch')) return { kind: 'blob-damaged', detail: `its blob: ${error.detail}` };
  if (!isBerthError(error))
    return { kind: 'blob-damaged', detail: `its blob ${blobDigest} cannot be read: ${messageOf(error)}` };
  return { kind: 'unchecked', detail: messageOf(error) };
}

function inWords({ differing, differences }: Compared): string {
  const named = differences.map(({ path, what }) => `${Buffer.from(path, 'latin1').toString() || '/'} ${what}`);
  const more = differing > named.length ? [`and ${differing - named.length} more`] : [];
  return `${differing} ${differing === 1 ? 'path differs' : 'paths differ'}: ${[...named, ...more].join('; ')}`;
}

async function needRoom({ layout }: CommitParts, record: LayerRecord, blobSize: bigint): Promise<void> {
  const { bavail, bsize } = await fs.statfs(layout.staging, { bigint: true });
  const need = record.unpackedBytes + blobSize + spareBytes;
  if (bavail * bsize >= need) return;
  const detail = `unpacking it once more needs ${need} bytes, ${bavail * bsize} are free`;
  throw new BerthError('storage-full', { op: 'check a layer', object: record.chainId, detail });
}
