import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { environment } from './environment';

/** The command line of `berth` for the daemon under test, as words. */
export const berthWords = (...args: readonly string[]): string[] => [
  process.execPath,
  resolve('dist/berth.js'),
  '--socket',
  environment().socket,
  ...args,
];

/** The same for a shell: none of the words holds a quote. */
export const berthLine = (...args: readonly string[]): string =>
  berthWords(...args)
    .map((word) => `'${word}'`)
    .join(' ');

/** Starts `berth` with pipes. */
export function startBerth(logDir: string, ...args: readonly string[]): ChildProcessWithoutNullStreams {
  const [program = '', ...words] = berthWords(...args);
  return spawn(program, words, { env: { ...process.env, BERTH_LOG_DIR: logDir }, stdio: 'pipe' });
}

/** Runs `berth` to its end with this input. */
export async function berth(
  logDir: string,
  args: readonly string[],
  input: Buffer = Buffer.alloc(0),
): Promise<{ readonly status: unknown; readonly stdout: Buffer; readonly stderr: string }> {
  const child = startBerth(logDir, ...args);
  const closed = once(child, 'close');
  child.stdin.on('error', () => undefined).end(input);
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), buffer(child.stderr)]);
  const [status] = (await closed) as unknown[];
  return { status, stdout, stderr: stderr.toString() };
}
