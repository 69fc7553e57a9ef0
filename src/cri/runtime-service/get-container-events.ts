import { throwIfAborted } from '../../base';
import { ContainerEventResponse, ContainerEventType, RuntimeServiceService } from '../../wire';
import { toContainerStatus } from '../convert/container';
import { toPodSandboxStatus } from '../convert/sandbox';
import type { CriParts, PodEvent } from '../parts';
import { serverStream, type Rpc } from '../rpc';

const types = {
  created: ContainerEventType.CONTAINER_CREATED_EVENT,
  started: ContainerEventType.CONTAINER_STARTED_EVENT,
  stopped: ContainerEventType.CONTAINER_STOPPED_EVENT,
  deleted: ContainerEventType.CONTAINER_DELETED_EVENT,
} as const satisfies Record<PodEvent['kind'], ContainerEventType>;

/** GetContainerEvents: from the call on, without an end. A reader that is too slow is cut off. */
export function getContainerEvents(parts: CriParts): Rpc {
  // However many readers there are, an event is encoded once.
  const encodings = new WeakMap<PodEvent, Buffer>();
  const encoded = (event: PodEvent): Buffer => {
    const known = encodings.get(event) ?? encode(event);
    encodings.set(event, known);
    return known;
  };
  const facts = { kind: 'read', endless: true } as const;
  return serverStream(RuntimeServiceService.getContainerEvents, facts, async function* (_request, call) {
    using reader = parts.events.subscribe((error) => call.end(error));
    for await (const event of reader.read(call.signal)) yield encoded(event);
    throwIfAborted(call.signal, call.op);
  });
}

function encode({ kind, id, at, pod, containers }: PodEvent): Buffer {
  const message = ContainerEventResponse.fromPartial({
    containerId: id,
    containerEventType: types[kind],
    createdAt: at,
    podSandboxStatus: toPodSandboxStatus(pod),
    containersStatuses: containers.map(toContainerStatus),
  });
  return Buffer.from(ContainerEventResponse.encode(message).finish());
}
