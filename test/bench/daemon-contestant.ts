import { status, type ServiceError } from '@grpc/grpc-js';
import { mkdir } from 'node:fs/promises';
import type { Cri } from '../../e2e/support/cri';
import type { DaemonOptions } from '../../e2e/support/daemon';
import type { DaemonKind } from '../../e2e/support/environment';
import type { World } from '../../e2e/support/world';
import { benchDaemon } from './bench-daemon';
import type { Contestant, Extent } from './contestant';
import { timed, type Measured, type Samples } from './measure';
import { inLanes, readsWhile } from './reads';

/** A daemon of its own, measured over CRI as a kubelet drives it. */
export async function daemonContestant(kind: DaemonKind, options: DaemonOptions): Promise<Contestant> {
  const own = await benchDaemon(kind, options);
  return {
    name: kind === 'berth' ? 'berth' : 'peer',
    version: own.version,
    round: (extent) => round(kind, own.world, extent),
    close: async () => own[Symbol.asyncDispose](),
  };
}

async function round(
  kind: DaemonKind,
  world: World,
  { pods, execs, burst, stats }: Extent,
): Promise<readonly Measured[]> {
  await stopPod(world, (await startPod(world)).pod);
  const starts: number[] = [];
  const stops: number[] = [];
  for (let index = 0; index < pods; index++) {
    const prepared = await preparePod(world);
    const started = await timed(prepared);
    starts.push(started.ms);
    stops.push((await timed(() => stopPod(world, started.value.pod))).ms);
  }

  const { pod, container } = await startPod(world);
  const exec: number[] = [];
  for (let index = 0; index < execs; index++) {
    exec.push((await timed(() => world.cri.execSync(container, ['true']))).ms);
  }
  await stopPod(world, pod);

  const prepared = await Promise.all(Array.from({ length: burst }, () => preparePod(world)));
  const up = await timed(() => Promise.all(prepared.map((start) => start())));
  const containerStats = await listed(stats, () => world.cri.listContainerStats());
  const podStats = await listed(stats, () => world.cri.listPodStats());
  const podMetrics = await listed(stats, () => world.cri.podMetrics());
  const reads = await readsWhile(readsOf(kind, world.cri), () => comeAndGo(world, pods));
  const down = await timed(() => Promise.all(up.value.map((each) => stopPod(world, each.pod))));
  return [
    { row: 'pod start', samples: starts },
    { row: 'pod stop', samples: stops },
    { row: 'exec', samples: exec },
    { row: 'burst', samples: [up.ms] },
    ...(containerStats ? [{ row: 'container stats' as const, samples: containerStats }] : []),
    ...(podStats ? [{ row: 'pod stats' as const, samples: podStats }] : []),
    ...(podMetrics ? [{ row: 'pod metrics' as const, samples: podMetrics }] : []),
    { row: 'reads', samples: reads },
    { row: 'teardown', samples: [down.ms] },
  ];
}

/** The lists that a kubelet polls. */
function readsOf(kind: DaemonKind, cri: Cri): readonly (() => Promise<readonly object[]>)[] {
  // containerd 1.6 fails these while a pod is being made or taken down: they take their time all the same.
  const stats = <T extends object>(list: () => Promise<readonly T[]>) =>
    kind === 'berth' ? list : () => list().catch((): readonly T[] => []);
  return [
    () => cri.listPods(),
    () => cri.listContainers(),
    stats(() => cri.listContainerStats()),
    stats(() => cri.listPodStats()),
  ];
}

/** Starts and stops so many pods. */
function comeAndGo(world: World, pods: number): Promise<void> {
  return inLanes(pods, async () => stopPod(world, (await startPod(world)).pod));
}

/** How long a list takes, time after time; undefined of a daemon that has no such list. */
async function listed(times: number, list: () => Promise<readonly object[]>): Promise<Samples | undefined> {
  const samples: number[] = [];
  for (let index = 0; index < times; index++) {
    try {
      samples.push((await timed(list)).ms);
    } catch (error) {
      if ((error as Partial<ServiceError>).code === status.UNIMPLEMENTED) return undefined;
      throw error;
    }
  }
  return samples;
}

interface StartedPod {
  readonly pod: string;
  readonly container: string;
}

/** Makes what a kubelet makes beforehand; what is returned is the three calls alone. */
async function preparePod(world: World): Promise<() => Promise<StartedPod>> {
  const config = world.podConfig();
  await mkdir(config.logDirectory, { recursive: true });
  const containerConfig = world.containerConfig({}, { id: '', config });
  return async () => {
    const pod = await world.cri.runPod(config);
    world.adopt(pod);
    const container = await world.cri.create(pod, containerConfig, config);
    await world.cri.start(container);
    return { pod, container };
  };
}

async function startPod(world: World): Promise<StartedPod> {
  return (await preparePod(world))();
}

const stopPod = (world: World, pod: string): Promise<void> => world.removePod(pod);
