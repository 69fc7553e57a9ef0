import fs, { constants } from 'node:fs/promises';
import path from 'node:path';
import { BerthError, errnoOf, isBerthError, messageOf, throwIfAborted, type ErrorCode } from '../../base';
import { sandboxHostname } from '../../pods';
import type { ContainerRecord, ImageRecord, SandboxRecord } from '../../state';
import type { Storage } from '../../storage';
import type { CreateParts } from '../create-parts';
import { addWhiteouts, writeTar } from './archive';
import { baseImage } from './base-image';
import { imagesFolder, otherFiles, readContents, type CheckpointContents } from './contents';
import { checkStdio } from './restored';
import { checkpointName, type CheckpointSource } from './source';
import { renameHost } from './uts-image';

/** A checkpoint that a container is about to be restored from. */
export interface OpenCheckpoint extends CheckpointContents {
  /** In messages. */
  readonly object: string;
  /** The image that its container ran from. */
  readonly image: ImageRecord;
  readonly criuPath: string;
}

const op = 'CreateContainer';

/** Where a container's checkpoint is until it is restored: in its folder, so that it goes with it. */
export const restoreFolder = (bundle: string): string => path.join(bundle, 'restore');

/** Brings the checkpoint into the container's folder and reads it. What fails leaves parts of it there. */
export async function openCheckpoint(
  parts: CreateParts,
  sandbox: SandboxRecord,
  { id, config }: ContainerRecord,
  source: CheckpointSource,
  signal: AbortSignal,
): Promise<OpenCheckpoint> {
  const object = checkpointName(source);
  if (sandbox.userns) {
    throw new BerthError('checkpoint-refused', {
      op,
      object,
      detail: 'CRIU would restore its processes with the ids of another user namespace',
      remedy: 'restore it in a pod without a user namespace',
    });
  }
  const criuPath = await parts.findCriu();
  const { bundle } = parts.paths(id);
  await fs.mkdir(bundle, { recursive: true, mode: 0o700 });
  const dir = await bring(parts.storage, object, source, restoreFolder(bundle), signal);
  const contents = await readContents(object, dir);
  checkStdio(object, config, contents);
  const image = baseImage(object, contents.config, parts.findImage);
  const asked = contents.config.rootfsImageName || image.id;
  await parts.admitImage(image, asked, sandbox.config.metadata?.namespace ?? '');
  if (sandbox.utsns) await renameHost(contents.images, sandboxHostname(sandbox.config));
  return { ...contents, object, image, criuPath };
}

/** Makes a container's mounted root what it was: the image's without what is gone, with what is new. */
export async function restoreRoot(
  { storage }: Pick<CreateParts, 'storage'>,
  id: string,
  { object, deleted, rootfsDiff, images }: OpenCheckpoint,
  signal: AbortSignal,
): Promise<void> {
  const apply = (archive: string) =>
    storage.applyArchive(id, archive, signal).catch(invalid(object, path.basename(archive)));
  if (deleted.length > 0) {
    // A layer's whiteouts say the same, and a layer is applied without a way out of the root.
    const whiteouts = path.join(path.dirname(images), 'deleted.tar');
    await writeTar(whiteouts, signal, (tar) => addWhiteouts(tar, deleted));
    await apply(whiteouts);
  }
  if (rootfsDiff !== undefined) await apply(rootfsDiff);
}

/** The folder of the checkpoint's files, all of them the container's own. */
async function bring(
  storage: Storage,
  object: string,
  source: CheckpointSource,
  dir: string,
  signal: AbortSignal,
): Promise<string> {
  if (source.kind === 'image') return copyImage(storage, object, source.image, dir, signal);
  try {
    await using file = await fs.open(source.path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) throw new BerthError('checkpoint-invalid', { op, object, detail: 'it is no regular file' });
    const open = async () => file.createReadStream({ autoClose: false });
    return await storage.unpackArchive({ dir, size: BigInt(stat.size), open }, signal).catch(invalid(object));
  } catch (error) {
    throw failed(object, error, missing);
  }
}

/** Of the image's one layer what a restore knows. Its files are copied: some are changed, and images can be removed. */
async function copyImage(
  storage: Storage,
  object: string,
  { chainIds }: ImageRecord,
  dir: string,
  signal: AbortSignal,
): Promise<string> {
  const [chainId] = chainIds;
  if (chainId === undefined || chainIds.length > 1) {
    const detail = `it has ${chainIds.length} layers; a checkpoint is one`;
    throw new BerthError('checkpoint-invalid', { op, object, detail });
  }
  const layer = storage.layerPath(chainId);
  // Also what a copy would follow: nothing is read but regular files.
  const { images } = await readContents(object, layer);
  const there = await fs.readdir(layer);
  const names = [
    ...otherFiles.filter((name) => there.includes(name)),
    ...(await fs.readdir(images)).map((name) => path.join(imagesFolder, name)),
  ];
  try {
    await fs.mkdir(path.join(dir, imagesFolder), { recursive: true, mode: 0o700 });
    for (const name of names) {
      throwIfAborted(signal, op, object);
      await fs.copyFile(
        path.join(layer, name),
        path.join(dir, name),
        constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE,
      );
    }
  } catch (error) {
    throw failed(object, error, full);
  }
  return dir;
}

const missing: Reading = { errnos: ['ENOENT', 'ENOTDIR'], code: 'path-not-found' };
const full: Reading = { errnos: ['ENOSPC', 'EDQUOT'], code: 'storage-full' };

/** Errnos that are not the kernel's refusal, and what they are. */
interface Reading {
  readonly errnos: readonly string[];
  readonly code: ErrorCode;
}

function failed(object: string, error: unknown, { errnos, code }: Reading): unknown {
  if (isBerthError(error)) return error;
  const known = errnos.includes(errnoOf(error) ?? '');
  return new BerthError(known ? code : 'kernel-refused', { op, object, detail: messageOf(error), cause: error });
}

/** What unpack says of a layer, said of a checkpoint. */
function invalid(object: string, name?: string): (error: unknown) => never {
  return (error) => {
    if (!isBerthError(error, 'layer-invalid', 'digest-mismatch')) throw error;
    const detail = name === undefined ? error.detail : `${name}: ${error.detail}`;
    throw new BerthError('checkpoint-invalid', { op, object, detail, cause: error });
  };
}
