import type { Change } from '../../base';

/** What happens to a pod or a container, in CRI's words (ContainerEventType). */
export type EventKind = 'created' | 'started' | 'stopped' | 'deleted';

/** What of a container's record its events are seen by. */
export interface ContainerFacts {
  readonly phase: 'creating' | 'created' | 'running' | 'exited' | 'removing';
  readonly startedAt: bigint;
  readonly exit?: unknown;
}

/** The same of a pod's. */
export interface PodFacts {
  readonly phase: 'creating' | 'ready' | 'stopping' | 'stopped' | 'removing';
}

/** What a change of a container's record tells. A short life may be told by one change: it was started, and has ended. */
export function containerEvents({ before, after }: Change<ContainerFacts>): readonly EventKind[] {
  if (!after) return ['deleted'];
  const kinds: EventKind[] = [];
  if (after.phase === 'created' && before?.phase !== 'created') kinds.push('created');
  if (after.startedAt > 0n && !before?.startedAt) kinds.push('started');
  if (hasEnded(after) && !(before && hasEnded(before))) kinds.push('stopped');
  return kinds;
}

/** An end that was recorded is one, whatever becomes of the record; one without a record is known by its phase. */
function hasEnded({ phase, exit }: ContainerFacts): boolean {
  return exit !== undefined || phase === 'exited';
}

/** What a change of a pod's record tells. It has stopped when all is taken down, or when its removal has begun. */
export function podEvents({ before, after }: Change<PodFacts>): readonly EventKind[] {
  if (!after) return ['deleted'];
  if (after.phase === 'ready' && before?.phase !== 'ready') return ['created', 'started'];
  return hasStopped(after) && before && !hasStopped(before) ? ['stopped'] : [];
}

function hasStopped({ phase }: PodFacts): boolean {
  return phase === 'stopped' || phase === 'removing';
}
