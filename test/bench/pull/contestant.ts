import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Cri } from '../../../e2e/support/cri';
import { endDaemon, removeTraces, startDaemon, type DaemonOptions } from '../../../e2e/support/daemon';
import { makeLayout } from '../../../e2e/support/layout';
import { timed } from '../measure';
import { cpuMsOf, forgetPeak, memoryOf, watchHelpers } from './usage';

/** Who pulls: berth, and containerd with and without `image_pull_with_sync_fs`. */
export type PullerName = 'berth' | 'peer' | 'peer without sync';

/** What one pull took. */
export interface PullSample {
  readonly wallMs: number;
  /** Processor time, user and system, of the daemon and its helpers. */
  readonly cpuMs: number;
  /** By how much the daemon's resident memory grew, at its peak. */
  readonly grownBytes: number;
  /** The most that its helpers held together. */
  readonly helperBytes: number;
}

export interface Puller {
  readonly name: PullerName;
  readonly version: string;
  pull(image: string): Promise<PullSample>;
  /** Takes the image away, its content too. */
  remove(image: string): Promise<void>;
  close(): Promise<void>;
}

/** Ample: a machine under load is to be seen in the figures, not as a failure. */
const deadlineMs = 600_000;

/** A daemon of its own, which pulls over CRI as a kubelet asks for it. */
export async function puller(name: PullerName, options: Omit<DaemonOptions, 'syncPulls'>): Promise<Puller> {
  const { layout } = options;
  await makeLayout(layout, false);
  const kind = name === 'berth' ? 'berth' : 'containerd';
  const syncPulls = name === 'peer';
  const daemon = await startDaemon(kind, { ...options, syncPulls });
  if (syncPulls) await checkSync(daemon.command);
  const cri = new Cri(layout.socket);
  const { runtimeName, runtimeVersion } = await cri.version();
  return {
    name,
    version: `${runtimeName} ${runtimeVersion}`,
    async pull(image) {
      await forgetPeak(daemon.pid);
      const before = await memoryOf(daemon.pid);
      const cpuBefore = await cpuMsOf(daemon.pid);
      const helpers = watchHelpers(daemon.pid);
      const { ms } = await timed(() => cri.pull(image, undefined, { deadlineMs })).finally(() => helpers.stop());
      const { peak } = await memoryOf(daemon.pid);
      const cpuMs = (await cpuMsOf(daemon.pid)) - cpuBefore;
      return { wallMs: ms, cpuMs, grownBytes: peak - before.now, helperBytes: await helpers.stop() };
    },
    remove: (image) => cri.removeImage(image, { deadlineMs }),
    async close() {
      cri.close();
      await endDaemon(daemon);
      await removeTraces(layout);
    },
  };
}

/** An older containerd passes over a key that it does not know: what it has made of its configuration says it. */
async function checkSync([program = '', option = '', file = '']: readonly string[]): Promise<void> {
  const { stdout } = await promisify(execFile)(program, [option, file, 'config', 'dump'], { maxBuffer: 16 << 20 });
  if (/image_pull_with_sync_fs\s*=\s*true/.test(stdout)) return;
  throw new Error(`${program} does not know image_pull_with_sync_fs: name a containerd from 2.0 on with BERTH_PEER`);
}
