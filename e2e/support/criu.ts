import { spawnSync } from 'node:child_process';

/** Why CRIU cannot be used on this machine, in its own words; undefined if it can. */
export function criuTrouble(): string | undefined {
  const { error, status, stdout, stderr } = spawnSync('criu', ['check'], { encoding: 'utf8' });
  if (error) return error.message;
  if (status === 0) return undefined;
  return `${stderr}${stdout}`.split('\n').find((line) => line.includes('Error')) ?? `exit status ${status}`;
}
