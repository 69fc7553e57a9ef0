import { BerthError } from '../../base';
import type { ContainerRecord, CriParts, PodRecord } from '../parts';
import { needText } from './required';

interface Source<Item> {
  get(id: string): Item | undefined;
  list(): readonly Item[];
}

/** Finds by id, or by the beginning of one if no other begins so: crictl passes on what its user typed. */
function byId<Item extends { readonly id: string }>(
  source: Source<Item>,
  op: string,
  field: string,
  id: string,
): Item | undefined {
  const exact = source.get(needText(op, field, id));
  if (exact) return exact;
  const matches = source.list().filter((item) => item.id.startsWith(id));
  if (matches.length < 2) return matches[0];
  throw new BerthError('argument-invalid', {
    op,
    object: `${field} ${id}`,
    detail: `${matches.length} ids begin so`,
    remedy: 'give more digits of the id',
  });
}

/** The whole id of a pod if it is known; what was given otherwise (Stop and Remove succeed for unknown ids). */
export function podId(parts: CriParts, op: string, id: string): string {
  return byId(parts.pods, op, 'pod_sandbox_id', id)?.id ?? id;
}

/** The whole id of a container if it is known; what was given otherwise. */
export function containerId(parts: CriParts, op: string, id: string): string {
  return byId(parts.containers, op, 'container_id', id)?.id ?? id;
}

/** The pod of this id. One that is still being made is not there yet. */
export function needPod(parts: CriParts, op: string, id: string): PodRecord {
  const pod = byId(parts.pods, op, 'pod_sandbox_id', id);
  if (pod && pod.phase !== 'creating') return pod;
  throw new BerthError('pod-not-found', { op, object: `pod ${id}`, detail: 'no such pod sandbox' });
}

/** The container of this id. One that is still being made is not there yet. */
export function needContainer(parts: CriParts, op: string, id: string): ContainerRecord {
  const container = byId(parts.containers, op, 'container_id', id);
  if (container && container.phase !== 'creating') return container;
  throw new BerthError('container-not-found', { op, object: `container ${id}`, detail: 'no such container' });
}
