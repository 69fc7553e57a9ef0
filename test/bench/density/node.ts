import { mkdir } from 'node:fs/promises';
import type { DaemonOptions } from '../../../e2e/support/daemon';
import type { DaemonKind } from '../../../e2e/support/environment';
import type { World } from '../../../e2e/support/world';
import { benchDaemon } from '../bench-daemon';
import { sharesOf, type Shares } from './footprint';

/** What a full node's runtime takes. */
export interface Density {
  readonly version: string;
  readonly shares: Shares;
}

/** How often a kubelet lists, in milliseconds (its PLEG), and each so many lists it asks for status and file systems. */
const listMs = 1000;
const statusEvery = 5;

/** Starts pods of one container all at once, polls as a kubelet does for a while, and weighs what the runtime holds. */
export async function density(
  kind: DaemonKind,
  options: DaemonOptions,
  extent: { readonly pods: number; readonly pollSeconds: number },
): Promise<Density> {
  await using own = await benchDaemon(kind, options);
  const { daemon, world, version } = own;
  await Promise.all(Array.from({ length: extent.pods }, () => startPod(world)));
  await pollAsKubelet(world, extent.pollSeconds);
  return { version, shares: await sharesOf(daemon.pid, options.layout.dir) };
}

async function startPod(world: World): Promise<void> {
  const config = world.podConfig();
  await mkdir(config.logDirectory, { recursive: true });
  const pod = await world.cri.runPod(config);
  world.adopt(pod);
  await world.cri.start(await world.cri.create(pod, world.containerConfig({}, { id: '', config }), config));
}

async function pollAsKubelet({ cri }: World, seconds: number): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (let turn = 1; Date.now() < end; turn++) {
    await Promise.all([cri.listPods(), cri.listContainers()]);
    if (turn % statusEvery === 0) await Promise.all([cri.status(), cri.imageFsInfo()]);
    await new Promise((resolve) => setTimeout(resolve, listMs));
  }
}
