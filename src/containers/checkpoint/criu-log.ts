import fs from 'node:fs/promises';

/** The errors in CRIU's log, which has thousands of other lines; empty if there is none. */
export async function lastErrors(log: string): Promise<string> {
  const text = await fs.readFile(log, 'utf8').catch(() => '');
  const errors = text.split('\n').filter((line) => line.includes('Error ('));
  return errors.slice(-5).join('; ').slice(-2000);
}
