import { inSlices } from '../../base';
import { PodSandboxMetrics, RuntimeServiceService } from '../../wire';
import { byPod, filterContainers, readyPods } from '../convert/filter';
import { toPodMetrics } from '../convert/metrics';
import { chunksOf, listOf } from '../encoded-list';
import type { CriParts } from '../parts';
import { encodedUnary, serverStream, type Rpc } from '../rpc';

/** ListPodSandboxMetrics. */
export const listPodSandboxMetrics = (parts: CriParts): Rpc =>
  encodedUnary(RuntimeServiceService.listPodSandboxMetrics, { kind: 'read' }, async () => listOf(await read(parts)));

/** StreamPodSandboxMetrics: the same in several messages. */
export const streamPodSandboxMetrics = (parts: CriParts): Rpc =>
  serverStream(RuntimeServiceService.streamPodSandboxMetrics, { kind: 'read' }, async function* () {
    yield* chunksOf(await read(parts));
  });

/** The metrics of the pods that are ready now, each pod's encoded. */
function read(parts: CriParts): Promise<readonly Uint8Array[]> {
  const containers = byPod(filterContainers(parts.containers.list(), undefined));
  return inSlices(readyPods(parts.pods.list(), undefined), (pod) =>
    PodSandboxMetrics.encode(toPodMetrics(parts, pod, containers.get(pod.id) ?? [])).finish(),
  );
}
