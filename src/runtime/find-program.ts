import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthError } from '../base';

/** The program at a path, or of a name that is looked up as in PATH; undefined if there is none that can be run. */
export async function findProgram(program: string, searchPath: string): Promise<string | undefined> {
  const candidates = program.includes('/') ? [program] : searchPath.split(':').map((folder) => join(folder, program));
  for (const path of candidates) {
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the caller says where it was looked for.
    }
  }
  return undefined;
}

/** CRIU, which checkpoints containers, as it is found now. Rejects `program-missing`. */
export async function findCriu(program: string, searchPath: string): Promise<string> {
  const path = await findProgram(program, searchPath);
  if (path !== undefined) return path;
  throw new BerthError('program-missing', {
    op: 'find CRIU',
    object: program,
    detail: `there is no such program${program.includes('/') ? '' : ` in ${searchPath}`}`,
    remedy: 'install CRIU, or name it as runtime.criu in the configuration',
  });
}
