import { RuntimeServiceService } from '../../wire';
import { filterPods } from '../convert/filter';
import type { CriParts, PodRecord } from '../parts';
import type { EncodedList } from '../encoded-list';
import { encodedUnary, serverStream, type Rpc } from '../rpc';

/** ListPodSandbox. */
export const listPodSandbox = (parts: CriParts, encodedPods: EncodedList<PodRecord>): Rpc =>
  encodedUnary(RuntimeServiceService.listPodSandbox, { kind: 'read' }, (request) =>
    encodedPods.all(filterPods(parts.pods.list(), request.filter)),
  );

/** StreamPodSandboxes: the same list in several messages. */
export const streamPodSandboxes = (parts: CriParts, encodedPods: EncodedList<PodRecord>): Rpc =>
  serverStream(RuntimeServiceService.streamPodSandboxes, { kind: 'read' }, (request) =>
    encodedPods.chunks(filterPods(parts.pods.list(), request.filter)),
  );
