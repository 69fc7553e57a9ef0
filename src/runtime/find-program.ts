import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError } from '../base';

/** Where programs of the system are looked for, whatever berthd's own PATH is. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What is looked for, for whom, and what to do if it is not there. */
interface Wanted {
  readonly op: string;
  readonly object: string;
  readonly remedy: string;
}

/**
 * The program at a path, or of a name that is looked up as in PATH, as it is found now. Rejects `program-missing` if there
 * is none that can be run.
 */
export async function needProgram(program: string, searchPath: string, wanted: Wanted): Promise<string> {
  const byPath = program.includes('/');
  for (const path of byPath ? [program] : searchPath.split(':').map((folder) => join(folder, program))) {
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the error says where it was looked for.
    }
  }
  const detail = `there is no program ${program}${byPath ? '' : ` in ${searchPath}`}`;
  throw new BerthError('program-missing', { ...wanted, detail });
}

/** CRIU, which checkpoints containers, as it is found now. Rejects `program-missing`. */
export function findCriu(program: string, searchPath: string): Promise<string> {
  return needProgram(program, searchPath, {
    op: 'find CRIU',
    object: program,
    remedy: 'install CRIU, or name it as runtime.criu in the configuration',
  });
}
