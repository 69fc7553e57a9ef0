import { join, resolve } from 'node:path';
import { run } from '../../../e2e/support/machine';
import type { StagePrograms } from '../../runtime/support/stage';

/** What the measurements run. */
export interface Programs {
  /** Containers by runc, as they are in use. */
  readonly real: StagePrograms;
  /** Containers by the tests' own runtime: thousands in a short time. */
  readonly fake: StagePrograms;
  /** Runs a command at each byte that it reads, and tells how long it took. */
  readonly spawnTimer: string;
}

/** Builds them as the sources are now; to be run in the repository's folder, as npm does. */
export async function buildPrograms(): Promise<Programs> {
  const names = ['launcher', 'conmon', 'fake-runtime', 'bench-spawn-timer'];
  await run('make', '-s', '-C', 'conmon', ...names.map((name) => `build/${name}`));
  const built = (name: string) => join(resolve('conmon/build'), name);
  const monitor = { launcher: built('launcher'), conmon: built('conmon') };
  return {
    real: { ...monitor, runtime: '/usr/sbin/runc', confines: true },
    fake: { ...monitor, runtime: built('fake-runtime'), confines: false },
    spawnTimer: built('bench-spawn-timer'),
  };
}
