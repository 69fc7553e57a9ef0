import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const native = resolve(__dirname, '../../../conmon');

/** Builds the monitor if its sources are newer; several suites may ask at once, so make runs under a lock. */
export function buildConmon(): string {
  const lock = join(tmpdir(), 'berth-native-build.lock');
  const make = ['make', '-s', '-C', native, 'build/conmon'];
  execFileSync('flock', [lock, ...make], { stdio: ['ignore', 'ignore', 'inherit'] });
  return join(native, 'build/conmon');
}
