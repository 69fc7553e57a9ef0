import { dirname, join } from 'node:path';
import { createLog } from '../../base';
import { loadConfig, type Overrides } from '../../config';
import type { admin } from '../../wire';

/** Where the state is, if no daemon can be asked. */
export interface StatePlace {
  readonly config: string;
  readonly configGiven: boolean;
  readonly overrides: Overrides;
}

/** Checks the state without a daemon: this process is its one writer for so long. */
export async function* checkOffline(
  { config: path, configGiven, overrides }: StatePlace,
  request: admin.CheckRequest,
  signal: AbortSignal,
): AsyncGenerator<admin.CheckEvent> {
  const config = await loadConfig(path, { required: configGiven, overrides });
  // All of berth is loaded: only where it is needed.
  const { openEngine } = await import('../../engine');
  const libexecDir = config.libexec_dir || join(dirname(__dirname), 'conmon', 'build');
  const engine = await openEngine({ config, libexecDir, log: createLog('error') });
  try {
    yield* engine.images.check(request, signal);
  } finally {
    await engine.close();
  }
}
