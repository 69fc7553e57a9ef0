import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { endDaemon, removeTraces, type Daemon } from './daemon';
import { isTrouble, leaked, nothing, snapshot } from './leaks';

/** Ends what the setup started and looks at what the daemon leaves when it has ended without a pod. */
export default async function teardown(): Promise<void> {
  const started = globalThis.berthE2e;
  if (started === undefined) return;
  const { dir, registry, daemon } = started;
  try {
    if (daemon !== undefined) {
      const current = JSON.parse(await readFile(join(daemon.layout.dir, 'daemon.json'), 'utf8')) as Daemon;
      await endDaemon(current);
      const left = leaked(nothing, await snapshot(current)).filter(isTrouble);
      await removeTraces(current.layout);
      if (left.length > 0) throw new Error(`left behind after the daemon ended:\n${left.join('\n')}`);
    }
  } finally {
    await registry.stop();
    if (process.env['BERTH_E2E_KEEP'] === undefined) await rm(dir, { recursive: true, force: true });
  }
}
