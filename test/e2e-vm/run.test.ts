import { execFile } from 'node:child_process';
import { join } from 'node:path';

const script = join(__dirname, '../../e2e/vm/run');

/** Runs the script: every case here ends before a guest would be made or booted. */
const run = (...args: string[]): Promise<{ status: unknown; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    execFile(script, args, (error, stdout, stderr) => resolve({ status: error?.code ?? 0, stdout, stderr }));
  });

test('--help names every option, and what the exit status says', async () => {
  const { status, stdout } = await run('--help');
  expect(status).toBe(0);
  const options = ['--memory', '--cpus', '--timeout', '--kernel-option', '--with-build', '--out', '--keep'];
  for (const option of options) expect(stdout).toMatch(new RegExp(`^  ${option} `, 'm'));
  expect(stdout).toContain('124');
  expect(stdout).not.toContain('set -euo');
});

test.each([
  [['--cpu', '2', '--', 'true'], "unknown option '--cpu'"],
  [['true'], "unknown option 'true': the command comes after --"],
  [[], 'no command'],
  [['--keep', '--'], 'no command'],
  [['--memory'], '--memory needs a value'],
  [['--memory', '12', '--', 'true'], "--memory needs a whole number of at least 256, not '12'"],
  [['--cpus', '0', '--', 'true'], "--cpus needs a whole number of at least 1, not '0'"],
  [['--timeout', '1m', '--', 'true'], "--timeout needs a whole number of at least 1, not '1m'"],
])('%j is refused in words, with status 2', async (args, message) => {
  const { status, stdout, stderr } = await run(...args);
  expect(stderr).toContain(message);
  expect([status, stdout]).toEqual([2, '']);
});
