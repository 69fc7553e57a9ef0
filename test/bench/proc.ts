import { readFile } from 'node:fs/promises';
import { errnoOf } from '../../src/base';

/** The text of a file of /proc/<pid>, or undefined if the process has ended meanwhile. */
export async function readProc(pid: number, file: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}
