import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const native = resolve(__dirname, '../../../conmon');

const built = new Map<string, string>();

/** Builds one of the C programs if its sources are newer; several suites may ask at once, so make runs under a lock. */
function build(program: string): string {
  const known = built.get(program);
  if (known !== undefined) return known;
  const lock = join(tmpdir(), 'berth-native-build.lock');
  const make = ['make', '-s', '-C', native, `build/${program}`];
  execFileSync('flock', [lock, ...make], { stdio: ['ignore', 'ignore', 'inherit'] });
  const path = join(native, 'build', program);
  built.set(program, path);
  return path;
}

export const buildConmon = (): string => build('conmon');

/** An OCI runtime without namespaces, made for tests: conmon/tests/fake-runtime/fake.h says what it can do wrong. */
export const buildFakeRuntime = (): string => build('fake-runtime');

/** The monitor whose system calls fail by plan: conmon/tests/faulty/plan.h says what BERTH_FAULTS may hold. */
export const buildFaultyConmon = (): string => build('conmon-faulty');
