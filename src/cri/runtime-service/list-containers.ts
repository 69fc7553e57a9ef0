import { RuntimeServiceService } from '../../wire';
import { filterContainers } from '../convert/filter';
import type { ContainerRecord, CriParts } from '../parts';
import type { EncodedList } from '../encoded-list';
import { encodedUnary, serverStream, type Rpc } from '../rpc';

/** ListContainers. */
export const listContainers = (parts: CriParts, encodedContainers: EncodedList<ContainerRecord>): Rpc =>
  encodedUnary(RuntimeServiceService.listContainers, { kind: 'read' }, (request) =>
    encodedContainers.all(filterContainers(parts.containers.list(), request.filter)),
  );

/** StreamContainers: the same list in several messages. */
export const streamContainers = (parts: CriParts, encodedContainers: EncodedList<ContainerRecord>): Rpc =>
  serverStream(RuntimeServiceService.streamContainers, { kind: 'read' }, (request) =>
    encodedContainers.chunks(filterContainers(parts.containers.list(), request.filter)),
  );
