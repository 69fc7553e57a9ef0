import { inSlices } from '../../base';
import { ContainerStats, RuntimeServiceService, type ContainerStatsFilter } from '../../wire';
import { filterContainers } from '../convert/filter';
import { toContainerStats } from '../convert/stats';
import { listOf, chunksOf } from '../encoded-list';
import type { CriParts } from '../parts';
import { encodedUnary, serverStream, type Rpc } from '../rpc';

/** ListContainerStats. */
export const listContainerStats = (parts: CriParts): Rpc =>
  encodedUnary(RuntimeServiceService.listContainerStats, { kind: 'read' }, async (request) =>
    listOf(await read(parts, request.filter)),
  );

/** StreamContainerStats: the same in several messages. */
export const streamContainerStats = (parts: CriParts): Rpc =>
  serverStream(RuntimeServiceService.streamContainerStats, { kind: 'read' }, async function* (request) {
    yield* chunksOf(await read(parts, request.filter));
  });

/** The stats of the containers that are there now and match, each encoded. */
function read(parts: CriParts, filter: ContainerStatsFilter | undefined): Promise<readonly Uint8Array[]> {
  return inSlices(filterContainers(parts.containers.list(), filter), (container) =>
    ContainerStats.encode(toContainerStats(parts, container)).finish(),
  );
}
