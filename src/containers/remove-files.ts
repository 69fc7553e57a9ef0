import { readdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../base';

/** Removes a file that may be gone already. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch(unlessMissing);
}

/** Removes a file and those beside it that have its name with a suffix, `.` and whatever follows. */
export async function removeFilesLike(path: string): Promise<void> {
  const [folder, own] = [dirname(path), basename(path)];
  const names = (await readdir(folder).catch(unlessMissing)) ?? [];
  const like = names.filter((name) => name === own || name.startsWith(`${own}.`));
  await Promise.all(like.map((name) => removeFile(join(folder, name))));
}

function unlessMissing(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}
