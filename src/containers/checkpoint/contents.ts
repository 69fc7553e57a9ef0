import fs, { constants } from 'node:fs/promises';
import path from 'node:path';
import { BerthError, errnoOf, isBerthError, messageOf } from '../../base';
import {
  parseConfigDump,
  parseDeleted,
  parseDescriptors,
  parseSpecDump,
  type ConfigDump,
  type SpecDump,
} from './read-dumps';

const mib = 1024 ** 2;

/** What of a checkpoint is read, and how many bytes of it. */
const limits = {
  'config.dump': mib,
  'spec.dump': 16 * mib,
  'deleted.files': 64 * mib,
  'descriptors.json': mib,
} as const;

/** The folder of CRIU's images, and what has to be among them. */
export const imagesFolder = 'checkpoint';
const neededImages = ['inventory.img', 'pstree.img', 'descriptors.json'];
/** CRIU makes some for each process, and none in folders. */
const maxImages = 1_000_000;

/** The files beside CRIU's images that a restore knows. */
export const rootfsDiff = 'rootfs-diff.tar';
export const otherFiles = ['config.dump', 'spec.dump', 'deleted.files', rootfsDiff] as const;

/** A checkpoint whose files have been looked at. */
export interface CheckpointContents {
  /** Folder of CRIU's images. */
  readonly images: string;
  readonly config: ConfigDump;
  readonly spec: SpecDump;
  /** What of the image's root is gone. */
  readonly deleted: readonly string[];
  /** The archive of what the root has beside its image. */
  readonly rootfsDiff: string | undefined;
  /** Whether the container's stdin was a pipe. */
  readonly pipedStdin: boolean;
}

/**
 * Reads a checkpoint in a folder that nobody else writes to. Every file that CRIU or the runtime will open has to be a
 * regular one: a link or a device could lead them anywhere.
 * @throws `checkpoint-invalid` that names the checkpoint and the file.
 */
export async function readContents(object: string, dir: string): Promise<CheckpointContents> {
  const fail = (name: string, detail: string, cause?: unknown) =>
    new BerthError('checkpoint-invalid', { op: 'CreateContainer', object, detail: `${name}: ${detail}`, cause });
  const read = async <T>(folder: string, name: keyof typeof limits, parse: (json: string) => T): Promise<T> => {
    try {
      await checkRegular(path.join(folder, name));
      await using file = await fs.open(path.join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW);
      const { size } = await file.stat();
      if (size > limits[name]) throw new Error(`it has ${size} bytes; at most ${limits[name]}`);
      return parse(await file.readFile('utf8'));
    } catch (error) {
      throw isBerthError(error) ? error : fail(name, reasonOf(error), error);
    }
  };

  const images = path.join(dir, imagesFolder);
  await checkImages(images).catch((error: unknown) => {
    throw fail(imagesFolder, reasonOf(error), error);
  });
  const config = await read(dir, 'config.dump', parseConfigDump);
  const spec = await read(dir, 'spec.dump', parseSpecDump);
  const [stdin] = await read(images, 'descriptors.json', parseDescriptors);
  const there = await fs.readdir(dir);
  const deleted = there.includes('deleted.files') ? await read(dir, 'deleted.files', parseDeleted) : [];
  const diff = there.includes(rootfsDiff) ? path.join(dir, rootfsDiff) : undefined;
  if (diff !== undefined) {
    await checkRegular(diff).catch((error: unknown) => {
      throw fail(rootfsDiff, reasonOf(error), error);
    });
  }
  return { images, config, spec, deleted, rootfsDiff: diff, pipedStdin: stdin?.startsWith('pipe:') === true };
}

async function checkImages(folder: string): Promise<void> {
  if (!(await fs.lstat(folder)).isDirectory()) throw new Error('it is no folder');
  const names = await fs.readdir(folder);
  if (names.length > maxImages) throw new Error(`it has ${names.length} files; at most ${maxImages}`);
  for (const name of names) await checkRegular(path.join(folder, name));
  const missing = neededImages.find((name) => !names.includes(name));
  if (missing !== undefined) throw new Error(`${missing} is missing`);
}

async function checkRegular(file: string): Promise<void> {
  if (!(await fs.lstat(file)).isFile()) throw new Error(`${path.basename(file)} is no regular file`);
}

function reasonOf(error: unknown): string {
  return errnoOf(error) === 'ENOENT' ? 'it is missing' : messageOf(error);
}
