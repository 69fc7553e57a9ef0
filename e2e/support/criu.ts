import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Why CRIU cannot be used on this machine, in its own words; undefined if it can. */
export async function criuTrouble(): Promise<string | undefined> {
  try {
    await promisify(execFile)('criu', ['check']);
    return undefined;
  } catch (error) {
    const {
      stdout = '',
      stderr = '',
      message,
    } = error as Error & { readonly stdout?: string; readonly stderr?: string };
    return `${stderr}${stdout}`.split('\n').find((line) => line.includes('Error')) ?? message;
  }
}
