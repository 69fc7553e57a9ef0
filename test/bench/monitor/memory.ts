import { stat } from 'node:fs/promises';
import { until } from '../../../e2e/support/wait';
import { processOf } from '../../runtime/support/bundle';
import type { Stage } from '../../runtime/support/stage';
import { percentile } from '../measure';
import { peerConmon, startPeerContainer } from './peer-conmon';
import { atMost, type Figure } from './figure';
import { atRest, type Footprint } from './footprint';

/** As many containers on one machine share the monitor's text. */
const monitors = 20;
const burst = 1 << 20;
const idle = ['sleep', '100000'];
const busy = ['sh', '-c', `yes 0123456789abcdef | head -c ${burst}; exec sleep 100000`];
const command = { process: processOf(['busybox', 'true']), stdin: false, tty: false, timeoutMs: 0, outputCap: 0 };

/** Memory of one monitor among twenty: of containers that do nothing, and of such that have logged and run an exec. */
export async function memory(stage: Stage, runtime: string): Promise<readonly Figure[]> {
  const fresh = await ours(stage, false);
  const used = await ours(stage, true);
  const freshPeer = await peers(stage, runtime, false);
  const usedPeer = await peers(stage, runtime, true);
  const beside = (value: number | undefined) => (value === undefined ? {} : { beside: { who: 'conmon', value } });
  return [
    {
      what: `PSS of one of ${monitors}`,
      unit: 'KiB',
      value: fresh.pss,
      ...beside(freshPeer?.pss),
      bar: atMost(fresh.pss, 250, 'KiB'),
    },
    {
      what: 'the same, having logged 1 MiB and run an exec',
      unit: 'KiB',
      value: used.pss,
      ...beside(usedPeer?.pss),
      bar: atMost(used.pss, 250, 'KiB'),
    },
    { what: 'page tables and kernel stack', unit: 'KiB', value: used.kernel, ...beside(usedPeer?.kernel) },
  ];
}

async function ours(stage: Stage, work: boolean): Promise<Footprint> {
  const all = [];
  for (let i = 0; i < monitors; i++) all.push(await stage.start({ args: work ? busy : idle }));
  if (work) {
    await Promise.all(all.map(({ request }) => logged(request.logPath ?? '')));
    const ignore = { stdout: () => undefined, stderr: () => undefined };
    for (const { monitor } of all) await monitor.exec(command, ignore).end;
  }
  const found = await typical(all.map(({ process }) => process.pid));
  await stage.clear();
  return found;
}

async function peers({ workspace }: Stage, runtime: string, work: boolean): Promise<Footprint | undefined> {
  const conmon = await peerConmon();
  if (conmon === undefined) return undefined;
  const all = [];
  try {
    for (let i = 0; i < monitors; i++)
      all.push(await startPeerContainer(workspace, conmon, runtime, work ? busy : idle));
    if (work) await Promise.all(all.map(({ logPath }) => logged(logPath)));
    return await typical(all.map(({ monitorPid }) => monitorPid));
  } finally {
    await Promise.all(all.map((peer) => peer.end()));
  }
}

const logged = (path: string): Promise<unknown> =>
  until(`${path} to hold the burst`, async () => (await stat(path)).size > burst);

/** The median of each: all are alike but for a page. */
async function typical(pids: readonly number[]): Promise<Footprint> {
  const all = await atRest(pids);
  const median = (of: (one: Footprint) => number) => percentile(all.map(of), 0.5);
  return {
    pss: median(({ pss }) => pss),
    anonymous: median(({ anonymous }) => anonymous),
    kernel: median(({ kernel }) => kernel),
  };
}
