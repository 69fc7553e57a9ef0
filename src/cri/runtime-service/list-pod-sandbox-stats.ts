import { inSlices } from '../../base';
import { PodSandboxStats, RuntimeServiceService, type PodSandboxStatsFilter } from '../../wire';
import { byPod, filterContainers, readyPods } from '../convert/filter';
import { toPodStats } from '../convert/stats';
import { chunksOf, listOf } from '../encoded-list';
import type { CriParts } from '../parts';
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
  const containers = byPod(filterContainers(parts.containers.list(), undefined));
  return inSlices(readyPods(parts.pods.list(), filter), (pod) =>
    PodSandboxStats.encode(toPodStats(parts, pod, containers.get(pod.id) ?? [])).finish(),
  );
}
