import type { IdRange } from './kernel';

/** An id of a user namespace as the node sees it; one that is not mapped stays as it is, as without a namespace. */
export function outsideId(ranges: readonly IdRange[] | undefined, id: number): number {
  const range = ranges?.find(({ containerId, length }) => id >= containerId && id < containerId + length);
  return range ? id - range.containerId + range.hostId : id;
}

/** An id of the node as a user namespace sees it; one that is not mapped stays as it is. */
export function insideId(ranges: readonly IdRange[] | undefined, id: number): number {
  const range = ranges?.find(({ hostId, length }) => id >= hostId && id < hostId + length);
  return range ? id - range.hostId + range.containerId : id;
}
