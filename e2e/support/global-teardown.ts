import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Cri } from './cri';
import { endDaemon, removeTraces, type Daemon } from './daemon';
import { isTrouble, leaked, nothing, snapshot } from './leaks';

/** Ends what the setup started and looks at what the daemon leaves when it has ended without a pod. */
export default async function teardown(): Promise<void> {
  const started = globalThis.berthE2e;
  if (started === undefined) return;
  globalThis.berthE2e = undefined;
  const { dir, registry, daemon } = started;
  try {
    if (daemon !== undefined) {
      const current = JSON.parse(await readFile(join(daemon.layout.dir, 'daemon.json'), 'utf8')) as Daemon;
      const pods = await removePods(current);
      await endDaemon(current);
      const left = [...pods, ...leaked(nothing, await snapshot(current)).filter(isTrouble)];
      await removeTraces(current.layout);
      if (left.length > 0) throw new Error(`left behind after the daemon ended:\n${left.join('\n')}`);
    }
  } finally {
    await registry.stop();
    if (process.env['BERTH_E2E_KEEP'] === undefined) await rm(dir, { recursive: true, force: true });
  }
}

/** Pods that no suite has removed: a run that was interrupted leaves some. */
async function removePods({ layout }: Daemon): Promise<readonly string[]> {
  const cri = new Cri(layout.socket);
  try {
    const pods = await cri.listPods();
    await Promise.all(pods.map(({ id }) => cri.removePod(id)));
    return pods.map(({ id }) => `pods: ${id}`);
  } finally {
    cri.close();
  }
}
