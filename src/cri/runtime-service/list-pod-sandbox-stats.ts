import { inSlices } from '../../base';
import { PodSandboxState, PodSandboxStats, RuntimeServiceService, type PodSandboxStatsFilter } from '../../wire';
import { filterContainers, filterPods } from '../convert/filter';
import { sandboxState } from '../convert/state';
import { toPodStats } from '../convert/stats';
import { chunksOf, listOf } from '../encoded-list';
import type { ContainerRecord, CriParts } from '../parts';
import { encodedUnary, serverStream, type Rpc } from '../rpc';

/** ListPodSandboxStats. */
export const listPodSandboxStats = (parts: CriParts): Rpc =>
  encodedUnary(RuntimeServiceService.listPodSandboxStats, { kind: 'read' }, async (request) =>
    listOf(await read(parts, request.filter)),
  );

/** StreamPodSandboxStats: the same in several messages. */
export const streamPodSandboxStats = (parts: CriParts): Rpc =>
  serverStream(RuntimeServiceService.streamPodSandboxStats, { kind: 'read' }, async function* (request) {
    yield* chunksOf(await read(parts, request.filter));
  });

/** The stats of the pods that are ready now and match, each encoded: those that are not use nothing. */
function read(parts: CriParts, filter: PodSandboxStatsFilter | undefined): Promise<readonly Uint8Array[]> {
  const pods = filterPods(parts.pods.list(), filter).filter(
    (pod) => sandboxState(pod) === PodSandboxState.SANDBOX_READY,
  );
  const containers = byPod(filterContainers(parts.containers.list(), undefined));
  return inSlices(pods, (pod) => PodSandboxStats.encode(toPodStats(parts, pod, containers.get(pod.id) ?? [])).finish());
}

function byPod(containers: readonly ContainerRecord[]): ReadonlyMap<string, readonly ContainerRecord[]> {
  const pods = new Map<string, ContainerRecord[]>();
  for (const container of containers) {
    const some = pods.get(container.sandboxId);
    if (some) some.push(container);
    else pods.set(container.sandboxId, [container]);
  }
  return pods;
}
