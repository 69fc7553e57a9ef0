import { inSlices } from '../../base';
import { PodSandboxMetrics, RuntimeServiceService } from '../../wire';
import { byPod, filterContainers, readyPods } from '../convert/filter';
import { toContainerMetrics, toPodMetrics } from '../convert/metrics';
import { chunksOf, listOf } from '../encoded-list';
import type { ContainerRecord, CriParts, PodRecord } from '../parts';
import { encodedUnary, serverStream, type Rpc } from '../rpc';

/** ListPodSandboxMetrics. */
export const listPodSandboxMetrics = (parts: CriParts): Rpc =>
  encodedUnary(RuntimeServiceService.listPodSandboxMetrics, { kind: 'read' }, async () => listOf(await read(parts)));

/** StreamPodSandboxMetrics: the same in several messages. */
export const streamPodSandboxMetrics = (parts: CriParts): Rpc =>
  serverStream(RuntimeServiceService.streamPodSandboxMetrics, { kind: 'read' }, async function* () {
    yield* chunksOf(await read(parts));
  });

/** A pod, or one of its containers. */
interface Subject {
  readonly pod: PodRecord;
  readonly container?: ContainerRecord;
}

/** The metrics of the pods that are ready now, each pod's encoded. */
async function read(parts: CriParts): Promise<readonly Uint8Array[]> {
  const containers = byPod(filterContainers(parts.containers.list(), undefined));
  const subjects = readyPods(parts.pods.list(), undefined).flatMap((pod): Subject[] => [
    { pod },
    ...(containers.get(pod.id) ?? []).map((container) => ({ pod, container })),
  ]);
  const pods = new Map<string, Uint8Array[]>();
  await inSlices(subjects, (subject) => {
    const pieces = pods.get(subject.pod.id) ?? [];
    pods.set(subject.pod.id, [...pieces, encode(parts, subject)]);
  });
  return [...pods.values()].map((pieces) => Buffer.concat(pieces));
}

/** A part of a pod's message: parts of one message, one behind another, are the message (protobuf's merging). */
function encode(parts: CriParts, { pod, container }: Subject): Uint8Array {
  const part: PodSandboxMetrics = container
    ? { podSandboxId: '', metrics: [], containerMetrics: toContainerMetrics(parts, pod, container) }
    : { podSandboxId: pod.id, metrics: toPodMetrics(parts, pod), containerMetrics: [] };
  return PodSandboxMetrics.encode(part).finish();
}
