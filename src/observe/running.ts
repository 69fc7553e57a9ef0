import type { Containers } from '../containers';

/** A container that is made and has not ended: before its start it holds the runtime's init. */
export function hasProcesses({ phase }: Pick<ReturnType<Containers['list']>[number], 'phase'>): boolean {
  return phase === 'created' || phase === 'running';
}
